//! Requests to the HTTP gateway, with any method, path, headers and body.
//!
//! An input is a request as it is on the wire, apart from the version and the length: a line with the method and the path,
//! headers, an empty line, and the body. Each request has a response, whose body is JSON if it says so, a stream is complete
//! or ends with an error, and no response is an internal error.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use chirp::http::{Gateway, GatewayService};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::program::{self, DepotServer, Served, in_time};

/// The largest body that the gateway reads whole, in bytes.
const MAX_BODY: usize = 2048;

thread_local! {
    static GATEWAY: RefCell<Option<(Runtime, GatewayService)>> = const { RefCell::new(None) };
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some(request) = request(data) else {
        return;
    };
    let (runtime, mut service) = GATEWAY.take().unwrap_or_else(serve);
    runtime.block_on(async {
        let answered = format!("{} {}", request.method(), request.uri());
        let Ok(response) = in_time(&answered, service.call(request)).await;
        check(&answered, response).await;
    });
    GATEWAY.set(Some((runtime, service)));
}

fn serve() -> (Runtime, GatewayService) {
    let gateway = Gateway::new()
        .service(DepotServer::new(Served))
        .allow_get()
        .max_body(MAX_BODY)
        .allow_origin("https://app.example.com")
        .allow_metadata(["tenant"]);
    (
        program::runtime(),
        gateway.into_service().expect("a gateway"),
    )
}

/// Reads an input.
fn request(data: &[u8]) -> Option<Request<Pieces>> {
    let end = data.windows(2).position(|bytes| bytes == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &data[data.len()..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.next()?;
    let space = line.iter().position(|byte| *byte == b' ')?;
    let mut request = Request::builder()
        .method(&line[..space])
        .uri(&line[space + 1..]);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = line[colon + 1..].trim_ascii();
        request = request.header(&line[..colon], value);
    }
    request.body(Pieces(Bytes::copy_from_slice(body))).ok()
}

/// A body that comes in two pieces, and then ends.
struct Pieces(Bytes);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let half = self.0.len().div_ceil(2);
        let piece = self.0.split_to(half);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

async fn check<B>(answered: &str, response: Response<B>)
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (head, body) = response.into_parts();
    let body = in_time(answered, read(body)).await;
    let status = head.status;
    assert!(
        status != StatusCode::INTERNAL_SERVER_ERROR && status != StatusCode::BAD_GATEWAY,
        "{answered}: {status}: {}",
        body.escape_ascii()
    );
    let media_type = head
        .headers
        .get("content-type")
        .map_or(&b""[..], |value| value.as_bytes());
    if body.is_empty() {
        // A response to HEAD, or one that says that the sender has the body.
        return;
    }
    if media_type == b"application/x-ndjson" {
        check_lines(answered, &body);
    } else if media_type == b"text/event-stream" {
        let last = body
            .trim_ascii_end()
            .split(|byte| *byte == b'\n')
            .nth_back(1);
        let is_end = matches!(last, Some(b"event: end" | b"event: problem"));
        assert!(is_end, "{answered}: {}", body.escape_ascii());
    } else if media_type.ends_with(b"json") {
        let value: Value = serde_json::from_slice(&body).unwrap_or_else(|error| {
            panic!("{answered}: {error}: {}", body.escape_ascii());
        });
        if media_type == b"application/problem+json" {
            assert_eq!(value["status"], status.as_u16(), "{answered}");
            assert!(!status.is_success(), "{answered}");
        }
    }
}

/// Checks the items of a stream, and what follows them: their number, or an error.
fn check_lines(answered: &str, body: &[u8]) {
    let lines: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(body)
        .into_iter()
        .collect();
    let lines =
        lines.unwrap_or_else(|error| panic!("{answered}: {error}: {}", body.escape_ascii()));
    let Some((last, items)) = lines.split_last() else {
        panic!("{answered}: a stream without an end");
    };
    assert!(items.iter().all(|item| item.get("item").is_some()));
    assert!(
        last["end"] == items.len() || last["error"].is_object(),
        "{answered}: {last}"
    );
}

/// Reads a body to its end, which is near: the service counts to 255 at most.
async fn read<B>(body: B) -> Vec<u8>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let mut body = std::pin::pin!(body);
    let mut whole = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.expect("a body does not fail").into_data() {
            whole.extend_from_slice(&data);
        }
    }
    whole
}
