//! Reading the bodies of requests.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::Body;

use super::problem::Problem;

/// Reads a body whole. Memory grows as bytes arrive, whatever length the request claims.
pub(crate) async fn read_whole<B>(
    headers: &HeaderMap,
    mut body: Pin<&mut B>,
    limit: usize,
) -> Result<Bytes, Problem>
where
    B: Body,
{
    let claimed = headers.get(CONTENT_LENGTH);
    let claimed = claimed.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if claimed.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "the body of the request is incomplete",
            )
        })?;
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        let length = data.remaining();
        if first.len() + rest.len() + length > limit {
            return Err(too_large(limit));
        }
        let data = data.copy_to_bytes(length);
        // Most bodies are in one piece, which is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is too large: at most {limit} bytes (`Gateway::max_body`)");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
