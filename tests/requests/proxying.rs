//! Services behind HTTP for callers of Chirp, and services of Chirp for callers of HTTP.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chirp::http::Gateway;
use chirp::packet::{ErrorData, FrameworkError, TraceContext};
use chirp::reflect::JsonCaller;
use chirp::requests::HttpTarget;
use chirp::{AsCaller, CallError, ConnectError, MethodError, Peer, PeerBuilder, Server};
use tokio::net::TcpListener;

use crate::services::{
    ArithClient, ArithError, ArithServer, Calculator, FlowClient, FlowServer, Flows, SumDiff,
};
use crate::support::{in_time, socket_path};

/// Serves a gateway, and returns its address.
pub(crate) async fn serve(gateway: Gateway) -> String {
    let server = gateway.bind("http://127.0.0.1:0").await.unwrap();
    let address = server.endpoint().to_string().replace("tcp:", "http:");
    tokio::spawn(server.run());
    address
}

pub(crate) async fn try_connect(address: &str) -> Result<Peer, ConnectError> {
    let builder = PeerBuilder::new().schemes(HttpTarget::new().schemes());
    in_time(builder.connect(address)).await
}

pub(crate) async fn connect(address: &str) -> Peer {
    try_connect(address).await.unwrap()
}

/// A peer that calls a service behind HTTP.
async fn arith() -> Peer {
    connect(&serve(Gateway::new().service(Calculator::server())).await).await
}

async fn flows() -> (Peer, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (flows, dropped) = Flows::new();
    let gateway = Gateway::new().service(FlowServer::new(flows));
    (connect(&serve(gateway).await).await, dropped)
}

/// Offers what a peer calls on a Unix socket, and returns the path.
async fn on_unix_socket(target: &Peer) -> PathBuf {
    let path = socket_path();
    let server = Server::builder()
        .fallback(target.as_caller())
        .bind(&format!("unix://{}", path.display()))
        .await
        .unwrap();
    tokio::spawn(server.run());
    path
}

#[tokio::test]
async fn clients_that_speak_json_call_services_behind_http() {
    let peer = arith().await;
    let client = ArithClient::new(&peer).with_json();
    let sum = in_time(client.sum_diff(100, 250)).await.unwrap();
    assert_eq!(
        sum,
        SumDiff {
            sum: 350,
            diff: -150
        }
    );
    assert_eq!(client.divide(7, 2).await.unwrap(), 3);
    assert_eq!(
        &client.reversed(vec![1, 2, 255]).await.unwrap()[..],
        [255, 2, 1]
    );
    client.nothing().await.unwrap();
    assert_eq!(client.length("häh".to_owned()).await.unwrap(), 4);
    let error = client.divide(3, 0).await.unwrap_err();
    assert!(
        matches!(
            error,
            MethodError::Handler(ArithError::DivisionByZero { dividend: 3 })
        ),
        "{error}"
    );
    let json = JsonCaller::new(&peer);
    assert_eq!(
        json.call("Arith.sum_diff", "[1,2]").await.unwrap(),
        r#"{"sum":3,"diff":-1}"#
    );
    let described = json.describe().await.unwrap();
    assert_eq!(described.services[0].name, "Arith");
    let one = json.describe_of("Arith.divide").await.unwrap();
    assert_eq!(one.services[0].methods.len(), 1);
    assert!(json.describe_of("Other").await.unwrap().services.is_empty());
}

#[tokio::test]
async fn errors_stay_what_they_are() {
    let peer = arith().await;
    let client = ArithClient::new(&peer).with_json();
    let json = JsonCaller::new(&peer);
    let error = json.call("Arith.unknown", "{}").await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error}");
    let error = json.call("Arith.sum_diff", r#"{"a":1}"#).await.unwrap_err();
    assert!(
        is_rejected(&error, FrameworkError::InvalidArguments),
        "{error}"
    );
    assert!(error.to_string().contains("`b` is missing"), "{error}");
    let error = json.call("Arith.sum_diff", "[1,2,3]").await.unwrap_err();
    assert!(
        is_rejected(&error, FrameworkError::InvalidArguments),
        "{error}"
    );
    let error = client.panics().await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Rejected {
                reason: FrameworkError::Panicked { .. },
                ..
            }
        ),
        "{error}"
    );
    // A native call has values that HTTP cannot carry.
    let error = ArithClient::new(&peer).sum_diff(1, 2).await.unwrap_err();
    assert!(is_rejected(&error, FrameworkError::Unsupported), "{error}");
    assert!(error.to_string().contains("JSON name"), "{error}");
    let call = client.wait().timeout(Duration::from_millis(50));
    let error = in_time(call).await.unwrap_err();
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error}"
    );
}

fn is_rejected(error: &CallError, expected: FrameworkError) -> bool {
    matches!(error, CallError::Rejected { reason, .. } if *reason == expected)
}

/// AC-T38, and error data that only the service knows.
#[tokio::test]
async fn an_error_without_text_is_still_an_error() {
    #[chirp::service]
    trait Odd {
        async fn silent(&self) -> Result<u32, ErrorData>;
        async fn empty(&self) -> Result<u32, String>;
    }
    struct Service;
    impl Odd for Service {
        async fn silent(&self) -> Result<u32, ErrorData> {
            Err(ErrorData::new(9, "").with_data(r#"{"x":[1]}"#))
        }
        async fn empty(&self) -> Result<u32, String> {
            Err(String::new())
        }
    }
    let peer = connect(&serve(Gateway::new().service(OddServer::new(Service))).await).await;
    let json = JsonCaller::new(&peer);
    let CallError::Remote(error) = json.call("Odd.silent", "{}").await.unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(
        (error.code, &*error.message, &error.data[..]),
        (9, "", &br#""eyJ4IjpbMV19""#[..])
    );
    let error = json.call("Odd.empty", "{}").await.unwrap_err();
    assert!(
        matches!(&error, CallError::Remote(error) if error.message.is_empty()),
        "{error}"
    );
}

#[tokio::test]
async fn deadline_trace_and_metadata_pass() {
    let peer = arith().await;
    let client = ArithClient::new(&peer).with_json();
    // Both sides know now that they speak the same extensions.
    client.nothing().await.unwrap();
    let left = client
        .time_left()
        .timeout(Duration::from_secs(20))
        .await
        .unwrap()
        .unwrap();
    assert!(left <= Duration::from_secs(20), "{left:?}");
    // Without a deadline, the default of the gateway holds.
    let left = client.time_left().await.unwrap().unwrap();
    assert!(left <= Duration::from_secs(30), "{left:?}");
    let trace = TraceContext::new([1; 16], [2; 8], 1)
        .unwrap()
        .with_state("a=b")
        .unwrap();
    let call = client.trace().trace(trace.clone());
    let seen = call.await.unwrap().unwrap();
    assert!(seen.starts_with("00-01010101"), "{seen}");
    assert!(seen.ends_with(" a=b"), "{seen}");
    let call = client.metadata("tenant").metadata("tenant", "a b=c;ü");
    assert_eq!(call.await.unwrap().as_deref(), Some("a b=c;ü"));
    for (key, value) in [
        ("tenant", "line\nbreak"),
        ("tenant", " space "),
        ("Tenant", "x"),
    ] {
        let call = client.metadata(key).metadata(key, value);
        let error = call.await.unwrap_err();
        assert!(
            is_rejected(&error, FrameworkError::Unsupported),
            "{key} {value}: {error}"
        );
    }
}

/// AC-T33: nothing is expected back.
#[tokio::test]
async fn a_one_way_call_is_accepted_and_arrives() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let peer = connect(&serve(gateway).await).await;
    ArithClient::new(&peer)
        .with_json()
        .note("hello".to_owned())
        .await
        .unwrap();
    assert_eq!(in_time(notes.recv()).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_the_service() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let peer = connect(&serve(gateway).await).await;
    let call = tokio::spawn(ArithClient::new(&peer).with_json().wait().into_future());
    assert_eq!(in_time(notes.recv()).await.unwrap(), "waiting");
    call.abort();
    assert_eq!(in_time(notes.recv()).await.unwrap(), "dropped");
}

#[tokio::test]
async fn streams_pass_in_both_directions() {
    let (peer, _dropped) = flows().await;
    let client = FlowClient::new(&peer).with_json();
    let mut lines = in_time(client.count(1000)).await.unwrap();
    let mut count = 0;
    while let Some(line) = in_time(lines.recv()).await {
        count += 1;
        let line = line.unwrap();
        assert_eq!((line.number, &*line.text), (count, "a\nb"));
    }
    assert_eq!(count, 1000);
    let numbers = tokio_stream::iter(1..=1000);
    assert_eq!(in_time(client.sum(numbers, 5)).await.unwrap(), 500_505);
    let pieces = tokio_stream::iter((0..64).map(|_| Bytes::from(vec![7; 100_000])));
    let stored = in_time(client.store("a b&c=ü", pieces)).await.unwrap();
    assert_eq!(stored, "a b&c=ü: 6400000");
    let mut zeros = in_time(client.zeros(100, 65_536)).await.unwrap();
    let mut length = 0;
    while let Some(piece) = in_time(zeros.recv()).await {
        length += piece.unwrap().len();
    }
    assert_eq!(length, 6_553_600);
    let pieces = tokio_stream::iter((0..20_u8).map(|byte| Bytes::from(vec![byte; 50_000])));
    let mut echoed = in_time(client.echo(pieces)).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = in_time(echoed.recv()).await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(bytes.len(), 1_000_000);
    assert!(
        bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| usize::from(*byte) == at / 50_000)
    );
}

#[tokio::test]
async fn streams_fail_as_the_service_failed_them() {
    let (peer, _dropped) = flows().await;
    let client = FlowClient::new(&peer).with_json();
    let error = client.fail(0).await.unwrap_err();
    assert!(matches!(
        error,
        MethodError::Handler(ArithError::DivisionByZero { dividend: 1 })
    ));
    let mut items = client.fail(3).await.unwrap();
    assert_eq!(items.recv().await.unwrap().unwrap(), 1);
    assert_eq!(items.recv().await.unwrap().unwrap(), 2);
    let error = items.recv().await.unwrap().unwrap_err().to_string();
    assert!(error.contains("division of 1 by zero"), "{error}");
    assert!(items.recv().await.is_none());
    // A body of bytes has no place for an error: it is cut.
    let mut torn = client.torn().await.unwrap();
    let mut end = None;
    while let Some(piece) = in_time(torn.recv()).await {
        end = Some(piece.is_err());
    }
    assert_eq!(end, Some(true));
    // A stream that its sender gives up does not end well at the service.
    let (sender, receiver) = chirp::stream::channel::<u32>();
    let call = client.sum(receiver, 0);
    sender.fail("given up");
    let error = in_time(call).await.unwrap_err();
    assert!(error.to_string().contains("given up"), "{error}");
}

#[tokio::test]
async fn a_stream_that_is_dropped_stops_the_service() {
    let (peer, mut dropped) = flows().await;
    let client = FlowClient::new(&peer).with_json();
    let mut items = in_time(client.endless()).await.unwrap();
    assert_eq!(in_time(items.recv()).await.unwrap().unwrap(), 1);
    drop(items);
    in_time(dropped.recv()).await.unwrap();
}

#[chirp::service]
trait Endless {
    async fn pieces(&self) -> impl futures_core::Stream<Item = Bytes>;
}
struct EndlessService(Arc<AtomicUsize>);
impl Endless for EndlessService {
    async fn pieces(&self) -> impl futures_core::Stream<Item = Bytes> {
        let produced = Arc::clone(&self.0);
        let piece = Bytes::from(vec![0; 1 << 16]);
        async_stream::stream! {
            loop {
                produced.fetch_add(1, Ordering::SeqCst);
                yield piece.clone();
            }
        }
    }
}

/// Who reads slowly slows the service down: a stream of 4 GiB is not collected anywhere.
#[tokio::test]
async fn a_slow_reader_slows_the_service_down() {
    let produced = Arc::new(AtomicUsize::new(0));
    let service = EndlessServer::new(EndlessService(Arc::clone(&produced)));
    let peer = connect(&serve(Gateway::new().service(service)).await).await;
    let mut pieces = in_time(EndlessClient::new(&peer).with_json().pieces())
        .await
        .unwrap();
    let mut received = 0;
    for _ in 0..300 {
        // The service has many turns for each piece that is read.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        received += in_time(pieces.recv()).await.unwrap().unwrap().len();
        let ahead = (produced.load(Ordering::SeqCst) << 16).saturating_sub(received);
        assert!(ahead < 64 << 20, "{ahead} bytes were collected");
    }
}

/// Both directions in a row: a Unix socket before HTTP before a Unix socket.
#[tokio::test]
async fn services_are_offered_on_unix_sockets_and_over_http() {
    let origin = socket_path();
    let server = Server::builder()
        .service(Calculator::server())
        .service(Flows::server())
        .reflect()
        .bind(&format!("unix://{}", origin.display()))
        .await
        .unwrap();
    tokio::spawn(server.run());
    let behind = PeerBuilder::new()
        .connect(&*format!("unix://{}", origin.display()))
        .await
        .unwrap();
    let peer = connect(&serve(Gateway::new().target(&behind)).await).await;
    let offered = on_unix_socket(&peer).await;
    let caller = PeerBuilder::new()
        .connect(&*format!("unix://{}", offered.display()))
        .await
        .unwrap();
    let client = ArithClient::new(&caller).with_json();
    assert_eq!(in_time(client.sum_diff(1, 2)).await.unwrap().sum, 3);
    assert!(matches!(
        client.divide(1, 0).await.unwrap_err(),
        MethodError::Handler(ArithError::DivisionByZero { dividend: 1 })
    ));
    let described = JsonCaller::new(&caller).describe().await.unwrap();
    assert_eq!(described.services.len(), 2);
    let mut lines = FlowClient::new(&caller)
        .with_json()
        .count(10)
        .await
        .unwrap();
    let mut count = 0;
    while let Some(line) = in_time(lines.recv()).await {
        count = line.unwrap().number;
    }
    assert_eq!(count, 10);
    // And once more over HTTP.
    let again = connect(&serve(Gateway::new().target(&caller)).await).await;
    assert_eq!(
        ArithClient::new(&again)
            .with_json()
            .sum_diff(5, 2)
            .await
            .unwrap()
            .diff,
        3
    );
}

#[tokio::test]
async fn a_gateway_may_have_a_prefix_or_a_unix_socket() {
    let path = socket_path();
    let server = Gateway::new().service(Calculator::server());
    let server = server
        .bind(&format!("unix://{}", path.display()))
        .await
        .unwrap();
    tokio::spawn(server.run());
    let escaped = path.to_str().unwrap().replace('/', "%2F");
    let peer = connect(&format!("http+unix://{escaped}")).await;
    assert_eq!(
        ArithClient::new(&peer)
            .with_json()
            .sum_diff(1, 1)
            .await
            .unwrap()
            .sum,
        2
    );
    let service = Gateway::new()
        .service(Calculator::server())
        .into_service()
        .unwrap();
    let app = axum::Router::new().nest_service("/deep/api", service);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    for prefix in ["deep/api", "deep/api/"] {
        let peer = connect(&format!("http://{address}/{prefix}")).await;
        assert_eq!(
            ArithClient::new(&peer)
                .with_json()
                .sum_diff(1, 1)
                .await
                .unwrap()
                .sum,
            2
        );
    }
}

#[tokio::test]
async fn the_responses_of_a_gateway_are_limited_in_size_and_time() {
    let gateway = Gateway::new()
        .service(Calculator::server())
        .service(Flows::server());
    let address = serve(gateway).await;
    let limited = async |target: HttpTarget| {
        let builder = PeerBuilder::new().schemes(target.schemes());
        in_time(builder.connect(&*address)).await
    };
    let peer = limited(HttpTarget::new().max_response(64 << 10))
        .await
        .unwrap();
    let client = ArithClient::new(&peer).with_json();
    assert_eq!(
        client.reversed(vec![1; 40_000]).await.unwrap().len(),
        40_000
    );
    let error = client.reversed(vec![1; 80_000]).await.unwrap_err();
    assert!(
        is_rejected(&error, FrameworkError::InvalidResult),
        "{error}"
    );
    assert!(error.to_string().contains("65536"), "{error}");
    // Not even the description fits.
    assert!(limited(HttpTarget::new().max_response(100)).await.is_err());
    let short = HttpTarget::new()
        .timeout(Duration::from_millis(500))
        .max_stream_time(Duration::from_millis(500));
    let peer = limited(short).await.unwrap();
    let error = in_time(ArithClient::new(&peer).with_json().wait())
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error}"
    );
    let mut items = FlowClient::new(&peer).with_json().endless().await.unwrap();
    assert_eq!(in_time(items.recv()).await.unwrap().unwrap(), 1);
    assert!(in_time(items.recv()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_service_that_is_gone_is_said_to_be() {
    let server = Gateway::new().service(Calculator::server());
    let server = server.bind("http://127.0.0.1:0").await.unwrap();
    let address = server.endpoint().to_string().replace("tcp:", "http:");
    let running = tokio::spawn(server.run());
    let peer = connect(&address).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let error = ArithClient::new(&peer)
        .with_json()
        .sum_diff(1, 2)
        .await
        .unwrap_err();
    assert!(is_rejected(&error, FrameworkError::Overloaded), "{error}");
    assert!(error.to_string().contains("cannot connect"), "{error}");
    let error = try_connect(&address).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Io(io) if io.kind() == ErrorKind::ConnectionRefused));
}

/// AC-T35: a proxy passes on what its target offers, and nothing else.
#[tokio::test]
async fn what_a_gateway_does_not_offer_is_not_asked_for() {
    let peer = arith().await;
    let json = JsonCaller::new(&peer);
    for name in [
        "Arith.unknown",
        "../description.json",
        "Arith.sum_diff?x",
        "chirp.reflect.stats",
        "",
        "/",
    ] {
        let error = in_time(json.call(name, "{}")).await.expect_err(name);
        assert!(
            matches!(
                error,
                CallError::UnknownMethod { .. } | CallError::ReservedName
            ),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn a_token_is_sent_and_refusals_are_told() {
    use async_trait::async_trait;
    use chirp::http::{Authenticate, Authenticated, Unauthenticated};

    struct Token;
    #[async_trait]
    impl Authenticate for Token {
        async fn authenticate(
            &self,
            parts: &http::request::Parts,
        ) -> Result<Authenticated, Unauthenticated> {
            match parts.headers.get("authorization") {
                Some(token) if token == "Bearer secret" => Ok(Authenticated::anonymous()),
                _ => Err(Unauthenticated::new("Bearer")),
            }
        }
    }
    let gateway = Gateway::new()
        .service(Calculator::server())
        .authenticate(Token);
    let address = serve(gateway).await;
    let error = try_connect(&address).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Io(io) if io.kind() == ErrorKind::PermissionDenied),
        "{error}"
    );
    let target = HttpTarget::new().token("secret").unwrap();
    assert!(!format!("{target:?}").contains("secret"));
    assert!(HttpTarget::new().token("a\nb").is_err());
    let peer = PeerBuilder::new()
        .schemes(target.schemes())
        .connect(&*address)
        .await
        .unwrap();
    assert_eq!(
        ArithClient::new(&peer)
            .with_json()
            .sum_diff(1, 2)
            .await
            .unwrap()
            .sum,
        3
    );
}
