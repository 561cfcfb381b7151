//! Calls of every kind by JSON names: one way, blocking, ordered, with streams, callbacks, deadlines and layers.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::reflect::{JsonArguments, JsonCaller, JsonText};
use chirp::stream::{Receiver, StreamError};
use chirp::{CallContext, CallError, InboundRequest, Next, Peer, PeerBuilder};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

use crate::call;
use crate::support::{DropFlag, idle, pair};

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum WorkError {
    #[error("stopped at {at}")]
    #[chirp(code = 3)]
    Stopped { at: u32 },
}

/// Items and the other half of a stream of them.
#[derive(Debug, Serialize, Deserialize)]
struct Doubled {
    name: String,
    numbers: Receiver<u32>,
}

#[chirp::service]
trait Work {
    #[chirp(oneway)]
    async fn note(&self, text: &str);
    #[chirp(blocking)]
    fn block(&self, millis: u64) -> u64;
    async fn wait(&self, cx: &CallContext);
    #[chirp(deadline = "50ms")]
    async fn limited(&self, cx: &CallContext) -> bool;
    #[chirp(blocking, deadline = "50ms")]
    fn limited_blocking(&self) -> u8;
    async fn count(&self, to: u32) -> impl Stream<Item = u32>;
    async fn fail(&self, at: u32) -> Result<impl Stream<Item = Result<u32, WorkError>>, WorkError>;
    async fn sum(&self, numbers: Receiver<u32>, start: u32) -> u32;
    async fn echo(&self, chunks: Receiver<Bytes>) -> impl Stream<Item = Bytes>;
    async fn double(&self, numbers: Receiver<u32>, name: String) -> Doubled;
    async fn ask(&self, cx: &CallContext) -> Result<String, ErrorData>;
    async fn panics(&self) -> u8;
}

struct Worker {
    notes: mpsc::UnboundedSender<String>,
    dropped: DropFlag,
}

impl Work for Worker {
    async fn note(&self, text: &str) {
        let _ = self.notes.send(text.to_owned());
    }

    fn block(&self, millis: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(millis));
        millis
    }

    async fn wait(&self, _: &CallContext) {
        let _guard = DropFlag(self.dropped.0.clone());
        std::future::pending::<()>().await;
    }

    async fn limited(&self, cx: &CallContext) -> bool {
        let deadline = cx.deadline().expect("the method has a deadline");
        if deadline > Instant::now() + Duration::from_secs(1) {
            return true;
        }
        std::future::pending().await
    }

    fn limited_blocking(&self) -> u8 {
        std::thread::sleep(Duration::from_secs(1));
        0
    }

    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(1..=to)
    }

    async fn fail(&self, at: u32) -> Result<impl Stream<Item = Result<u32, WorkError>>, WorkError> {
        if at == 0 {
            return Err(WorkError::Stopped { at });
        }
        let items = (1..at).map(Ok).chain([Err(WorkError::Stopped { at })]);
        Ok(tokio_stream::iter(items.collect::<Vec<_>>()))
    }

    async fn sum(&self, mut numbers: Receiver<u32>, start: u32) -> u32 {
        let mut sum = start;
        while let Some(number) = numbers.next().await {
            sum += number.unwrap();
        }
        sum
    }

    async fn echo(&self, chunks: Receiver<Bytes>) -> impl Stream<Item = Bytes> {
        chunks.map(Result::unwrap)
    }

    async fn double(&self, numbers: Receiver<u32>, name: String) -> Doubled {
        let doubled = numbers.map(|number| 2 * number.unwrap());
        let (mut sender, receiver) = chirp::stream::channel();
        tokio::spawn(async move {
            let mut doubled = std::pin::pin!(doubled);
            while let Some(number) = doubled.next().await {
                sender.send(number).await.unwrap();
            }
            sender.finish();
        });
        Doubled {
            name,
            numbers: receiver,
        }
    }

    async fn ask(&self, cx: &CallContext) -> Result<String, ErrorData> {
        let answer = JsonCaller::new(cx.caller()).call("name", "").await;
        match answer {
            Ok(name) => Ok(name.to_string()),
            Err(error) => Err(error.to_string().into()),
        }
    }

    async fn panics(&self) -> u8 {
        panic!("on purpose")
    }
}

struct Pair {
    peer: Peer,
    /// Keeps the connection, and is asked for what it still runs.
    serving: Peer,
    notes: mpsc::UnboundedReceiver<String>,
    dropped: mpsc::UnboundedReceiver<()>,
}

fn connected(configure: impl FnOnce(PeerBuilder) -> PeerBuilder) -> Pair {
    let (notes, received) = mpsc::unbounded_channel();
    let (flag, dropped) = DropFlag::new();
    let worker = Worker {
        notes,
        dropped: flag,
    };
    let builder = PeerBuilder::new()
        .service(WorkServer::new(worker))
        .reflect();
    let name = |_| async { Ok::<_, ErrorData>(Bytes::from_static(br#""me""#)) };
    let caller = PeerBuilder::new().handle("name;json", name);
    let (serving, peer) = pair(&configure(builder), &caller);
    Pair {
        peer,
        serving,
        notes: received,
        dropped,
    }
}

fn same(builder: PeerBuilder) -> PeerBuilder {
    builder
}

async fn texts(items: Receiver<JsonText>) -> (Vec<String>, Option<StreamError>) {
    let mut items = items;
    let mut texts = Vec::new();
    while let Some(item) = items.next().await {
        match item {
            Ok(item) => texts.push(item.to_string()),
            Err(error) => return (texts, Some(error)),
        }
    }
    (texts, None)
}

#[tokio::test]
async fn one_way_calls_run() {
    let mut pair = connected(same);
    let json = JsonCaller::new(&pair.peer);
    json.call_one_way("Work.note", r#"{"text":"a"}"#)
        .await
        .unwrap();
    json.call_one_way("Work.note", r#"["b"]"#).await.unwrap();
    assert_eq!(pair.notes.recv().await.unwrap(), "a");
    assert_eq!(pair.notes.recv().await.unwrap(), "b");
    // As an ordinary call, it is answered when it has run.
    assert_eq!(call(&pair.peer, "Work.note", r#"["c"]"#).await.unwrap(), "");
    assert_eq!(pair.notes.try_recv().unwrap(), "c");
}

#[tokio::test]
async fn blocking_methods_and_panics() {
    let pair = connected(same);
    assert_eq!(call(&pair.peer, "Work.block", "[1]").await.unwrap(), "1");
    let panicked = call(&pair.peer, "Work.panics", "").await;
    assert!(matches!(
        panicked,
        Err(CallError::Rejected {
            reason: FrameworkError::Panicked { .. },
            ..
        })
    ));
}

#[tokio::test]
async fn a_dropped_call_interrupts_the_method() {
    let mut pair = connected(same);
    let waiting = tokio::time::timeout(
        Duration::from_millis(50),
        call(&pair.peer, "Work.wait", "{}"),
    );
    assert!(waiting.await.is_err());
    pair.dropped.recv().await.unwrap();
    idle(&pair.serving).await;
}

#[tokio::test]
async fn the_deadline_of_a_method_is_applied_by_the_callee() {
    let pair = connected(same);
    for method in ["Work.limited", "Work.limited_blocking"] {
        let start = Instant::now();
        let answer = call(&pair.peer, method, "").await;
        assert!(
            matches!(
                answer,
                Err(CallError::DeadlineExceeded { .. }
                    | CallError::Rejected {
                        reason: FrameworkError::DeadlineExceeded,
                        ..
                    })
            ),
            "{method}: {answer:?}"
        );
        assert!(start.elapsed() < Duration::from_millis(900), "{method}");
    }
    // A time limit of the caller counts instead, once the two sides have negotiated extensions.
    pair.peer.hello().await.unwrap();
    let json = JsonCaller::new(&pair.peer);
    let call = json
        .call("Work.limited", "")
        .timeout(Duration::from_secs(100));
    assert_eq!(call.await.unwrap(), "true");
}

#[tokio::test]
async fn result_streams_have_items_in_json() {
    let pair = connected(same);
    let json = JsonCaller::new(&pair.peer);
    let items = json.stream("Work.count", r#"{"to":3}"#).await.unwrap();
    let (items, error) = texts(items).await;
    assert_eq!(
        (items.join(" "), error.is_none()),
        ("1 2 3".to_owned(), true)
    );
    let not_wanted = json.call("Work.count", r#"{"to":3}"#).await;
    assert!(matches!(
        not_wanted,
        Err(CallError::Rejected {
            reason: FrameworkError::Unsupported,
            ..
        })
    ));
    let not_a_stream = json.stream("Work.block", "[0]").await;
    assert!(not_a_stream.is_err());
    let items = json.stream("Work.fail", "[3]").await.unwrap();
    let (items, error) = texts(items).await;
    assert_eq!(items, ["1", "2"]);
    let Some(StreamError::Call(CallError::Remote(error))) = error else {
        panic!("{error:?}")
    };
    assert_eq!((error.code, &error.data[..]), (3, &br#"{"at":3}"#[..]));
    let failed = match json.stream("Work.fail", "[0]").await {
        Err(error) => error,
        Ok(items) => match texts(items).await.1 {
            Some(StreamError::Call(error)) => error,
            other => panic!("{other:?}"),
        },
    };
    let CallError::Remote(error) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!((error.code, &error.data[..]), (3, &br#"{"at":0}"#[..]));
    idle(&pair.serving).await;
}

#[tokio::test]
async fn streams_are_arguments_by_name_and_by_position() {
    let pair = connected(same);
    let json = JsonCaller::new(&pair.peer);
    let numbers = || tokio_stream::iter([1_u32, 2, 3]);
    let ten = JsonText::new("10").unwrap();
    let arguments = JsonArguments::new()
        .named("start", &ten)
        .stream("numbers", numbers());
    assert_eq!(json.call("Work.sum", arguments).await.unwrap(), "16");
    let arguments = JsonArguments::new()
        .positional_stream(numbers())
        .positional(&ten);
    assert_eq!(json.call("Work.sum", arguments).await.unwrap(), "16");
    let chunks = tokio_stream::iter([Bytes::from_static(b"ab"), Bytes::from_static(b"c")]);
    let arguments = JsonArguments::new().stream("chunks", chunks);
    let (items, error) = texts(json.stream("Work.echo", arguments).await.unwrap()).await;
    assert_eq!(
        (items.join(" "), error.is_none()),
        (r#""YWI=" "Yw==""#.to_owned(), true)
    );
    // A number of a stream that was not sent.
    let missing = json.call("Work.sum", r#"{"numbers":0,"start":1}"#).await;
    assert!(
        matches!(
            missing,
            Err(CallError::Rejected {
                reason: FrameworkError::UnknownStream | FrameworkError::Unsupported,
                ..
            })
        ),
        "{missing:?}"
    );
    idle(&pair.serving).await;
}

#[tokio::test]
async fn streams_of_bytes_travel_without_base64() {
    let pair = connected(same);
    let json = JsonCaller::new(&pair.peer);
    let chunk = Bytes::from(vec![0; 50_000]);
    let chunks = || tokio_stream::iter([chunk.clone(), Bytes::from_static(b"c"), chunk.clone()]);
    for arguments in [
        JsonArguments::new().byte_stream("chunks", chunks()),
        JsonArguments::new().positional_byte_stream(chunks()),
    ] {
        let before = pair.peer.metrics().traffic;
        let mut items = json.byte_stream("Work.echo", arguments).await.unwrap();
        let mut all = Vec::new();
        while let Some(item) = items.recv().await {
            all.push(item.unwrap());
        }
        assert_eq!(all, chunks().collect::<Vec<_>>().await);
        let after = pair.peer.metrics().traffic;
        let sent = after.bytes_sent - before.bytes_sent;
        let received = after.bytes_received - before.bytes_received;
        // In base64 they would be 133,336.
        assert!(sent < 102_000 && received < 102_000, "{sent} {received}");
    }
    // Items that are not bytes are none in any codec.
    let mut numbers = json.byte_stream("Work.count", "[1]").await.unwrap();
    let number = numbers.recv().await;
    assert!(
        matches!(number, Some(Err(StreamError::Decode(_)))),
        "{number:?}"
    );
    assert!(json.byte_stream("Work.block", "[0]").await.is_err());
    idle(&pair.serving).await;
}

/// The halves in values have items in JSON in both directions.
#[tokio::test]
async fn stream_halves_inside_of_values_survive() {
    let pair = connected(same);
    let client = WorkClient::new(&pair.peer).with_json();
    let numbers = tokio_stream::iter([1_u32, 2, 3]);
    let mut doubled = client.double(numbers, "x".to_owned()).await.unwrap();
    assert_eq!(doubled.name, "x");
    let mut items = Vec::new();
    while let Some(item) = doubled.numbers.next().await {
        items.push(item.unwrap());
    }
    assert_eq!(items, [2, 4, 6]);
    let error = client.fail(0).await;
    assert!(error.is_err() || error.unwrap().next().await.unwrap().is_err());
}

#[tokio::test]
async fn methods_call_back_in_json() {
    let pair = connected(same);
    assert_eq!(
        call(&pair.peer, "Work.ask", "").await.unwrap(),
        r#""\"me\"""#
    );
}

#[tokio::test]
async fn layers_see_the_name_without_the_suffix() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let book = Arc::clone(&seen);
    let pair = connected(|builder| {
        builder.layer(move |request: InboundRequest, next: Next| {
            let registered = request.registered_name().map(str::to_owned);
            let called = String::from_utf8_lossy(request.method()).into_owned();
            let params = String::from_utf8_lossy(request.params()).into_owned();
            let id = request.method_id();
            book.lock().unwrap().push((registered, called, params, id));
            next.run(request)
        })
    });
    assert_eq!(call(&pair.peer, "Work.block", "[0]").await.unwrap(), "0");
    assert!(call(&pair.peer, "Work.unknown", "").await.is_err());
    let _ = JsonCaller::new(&pair.peer)
        .describe_of("Work")
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    let name = "Work.block".to_owned();
    assert_eq!(
        seen[0],
        (
            Some(name.clone()),
            name,
            "[0]".to_owned(),
            Some(WorkMethods::BLOCK)
        )
    );
    assert_eq!(seen[1].0, None);
    assert_eq!(seen[1].1, "Work.unknown;json");
    assert_eq!(seen[2].0.as_deref(), Some("chirp.reflect.describe"));
}

#[chirp::service(ordered)]
trait Steps {
    async fn step(&self, number: u32) -> Vec<u32>;
}

#[derive(Default)]
struct Order(Mutex<Vec<u32>>);

impl Steps for Order {
    async fn step(&self, number: u32) -> Vec<u32> {
        tokio::time::sleep(Duration::from_millis(u64::from(8 - number))).await;
        let mut seen = self.0.lock().unwrap();
        seen.push(number);
        seen.clone()
    }
}

#[tokio::test]
async fn ordered_services_keep_the_order_of_native_and_json_calls() {
    let builder = PeerBuilder::new()
        .service(StepsServer::new(Order::default()))
        .reflect();
    let (_serving, peer) = pair(&builder, &PeerBuilder::new());
    let client = StepsClient::new(&peer);
    let mut calls = Vec::new();
    for number in 0..8 {
        let call: std::pin::Pin<Box<dyn Future<Output = ()>>> = if number % 2 == 0 {
            let call = client.step(number);
            Box::pin(async move { drop(call.await.unwrap()) })
        } else {
            let call = peer.call("Steps.step;json", format!("[{number}]"));
            Box::pin(async move { drop(call.await.unwrap()) })
        };
        calls.push(call);
    }
    let mut last = client.step(8);
    let mut done = Vec::new();
    for call in &mut calls {
        // Each call is sent before the next one.
        done.push(futures_poll(call.as_mut()).await);
    }
    let seen = (&mut last).await.unwrap();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

/// Polls a future once.
async fn futures_poll<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(move |cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready()))
        .await
}

#[chirp::service(codec = chirp::codec::Raw)]
trait Plain {
    async fn bytes(&self, data: &[u8]) -> Vec<u8>;
    async fn text(&self, text: String) -> String;
    async fn nothing(&self);
}

struct Mirror;

impl Plain for Mirror {
    async fn bytes(&self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }

    async fn text(&self, text: String) -> String {
        text
    }

    async fn nothing(&self) {}
}

#[chirp::service(codec = chirp::codec::Json)]
trait Store<K: Eq + Hash, V> {
    async fn put(&self, key: K, value: Option<V>) -> usize;
    async fn all(&self) -> HashMap<K, Option<V>>;
}

struct Shelf(Mutex<HashMap<String, Option<u8>>>);

impl Store<String, u8> for Shelf {
    async fn put(&self, key: String, value: Option<u8>) -> usize {
        let mut all = self.0.lock().unwrap();
        all.insert(key, value);
        all.len()
    }

    async fn all(&self) -> HashMap<String, Option<u8>> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn services_of_other_codecs_and_generic_ones() {
    let builder = PeerBuilder::new()
        .service(PlainServer::new(Mirror))
        .service(StoreServer::<_, String, u8>::new(Shelf(Mutex::default())))
        .reflect();
    let (_serving, peer) = pair(&builder, &PeerBuilder::new());
    for (method, params, result) in [
        ("Plain.bytes", r#"{"data":"AQI="}"#, r#""AQI=""#),
        ("Plain.text", r#"["é\n"]"#, "\"é\\n\""),
        ("Plain.nothing", "", "null"),
        ("Store.put", r#"{"key":"a"}"#, "1"),
        ("Store.put", r#"["b",7]"#, "2"),
    ] {
        assert_eq!(
            call(&peer, method, params).await.as_deref(),
            Ok(result),
            "{method}"
        );
    }
    let all = call(&peer, "Store.all", "").await.unwrap();
    assert!(
        all == r#"{"a":null,"b":7}"# || all == r#"{"b":7,"a":null}"#,
        "{all}"
    );
    let json = JsonCaller::new(&peer);
    let description = json.describe().await.unwrap();
    let bytes = description.method("Plain.bytes").unwrap();
    assert_eq!(bytes.arguments[0].value.readable.to_string(), "bytes");
    let all = description.method("Store.all").unwrap();
    assert_eq!(
        all.result.as_ref().unwrap().readable.to_string(),
        "{string: u8?}"
    );
}

#[tokio::test]
async fn fallbacks_get_json_names_as_they_came() {
    let pair = connected(|builder| {
        builder.fallback(|request: chirp::Request| async move {
            Ok::<_, ErrorData>(Bytes::copy_from_slice(request.method()))
        })
    });
    assert_eq!(
        call(&pair.peer, "Other.x", "{}").await.unwrap(),
        "Other.x;json"
    );
    assert_eq!(call(&pair.peer, "Work.block", "[0]").await.unwrap(), "0");
}

#[tokio::test]
async fn the_longest_names() {
    async fn one(_: chirp::Request) -> Result<Bytes, ErrorData> {
        Ok(Bytes::new())
    }
    let name = "n".repeat(250);
    let builder = PeerBuilder::new()
        .service(StepsServer::new(Order::default()).prefixed(&name[..246]))
        .handle(name.clone(), one)
        .reflect();
    let (_serving, peer) = pair(&builder, &PeerBuilder::new());
    let step = format!("{}step", &name[..246]);
    assert_eq!(step.len(), 250);
    assert_eq!(call(&peer, &step, "[7]").await.unwrap(), "[7]");
    // A handler that is no method of a service has no JSON form.
    let plain = call(&peer, &name, "").await;
    assert!(matches!(plain, Err(CallError::UnknownMethod { .. })));
}
