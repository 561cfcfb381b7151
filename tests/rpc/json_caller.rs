//! Calls by name with values in JSON, of methods that a peer serves under names with the suffix `;json`.

use std::time::Duration;

use bytes::Bytes;
use chirp::codec::Json;
use chirp::packet::ErrorData;
use chirp::reflect::{Description, JsonArguments, JsonCaller, JsonText};
use chirp::stream::channel;
use chirp::{
    CallContext, CallError, Peer, PeerBuilder, Receiver, Request, Router, Sender, ServiceError,
    Stream, StreamError,
};
use serde_json::json;

use crate::support::{DropFlag, LINKS_AND_PROXY, Link, connected, idle, pair};

#[derive(Debug, thiserror::Error, ServiceError)]
enum TableError {
    #[error("no row {row}")]
    #[chirp(code = 17)]
    NoRow { row: u64 },
}

#[chirp::service(codec = Json, named)]
trait Table {
    async fn add(&self, a: i128, b: i128) -> i128;
    async fn row(&self, row: u64, text: Option<String>) -> Result<String, TableError>;
    async fn bytes(&self, bytes: Bytes) -> Bytes;
    async fn version(&self) -> u32;
    async fn nothing(&self);
    async fn user(&self, cx: &CallContext) -> String;
    async fn total(&self, numbers: Receiver<u64>, times: u64) -> Result<u64, String>;
    async fn size(&self, data: Receiver<Bytes>) -> u64;
    async fn copy(&self, numbers: Receiver<u64>, copy: Sender<u64>);
    async fn count(&self, to: u64) -> Result<impl Stream<Item = u64>, TableError>;
    async fn breaks(&self) -> impl Stream<Item = Result<u64, TableError>>;
    async fn hang(&self, cx: &CallContext);
    #[chirp(oneway)]
    async fn note(&self, numbers: Option<Receiver<u64>>, cx: &CallContext);
}

struct Served;

impl Table for Served {
    async fn add(&self, a: i128, b: i128) -> i128 {
        a + b
    }

    async fn row(&self, row: u64, text: Option<String>) -> Result<String, TableError> {
        text.ok_or(TableError::NoRow { row })
    }

    async fn bytes(&self, bytes: Bytes) -> Bytes {
        bytes
    }

    async fn version(&self) -> u32 {
        7
    }

    async fn nothing(&self) {}

    async fn user(&self, cx: &CallContext) -> String {
        let user = cx.metadata().get("user").unwrap_or_default();
        String::from_utf8_lossy(user).into_owned()
    }

    async fn total(&self, mut numbers: Receiver<u64>, times: u64) -> Result<u64, String> {
        let mut total = 0;
        while let Some(number) = numbers.recv().await {
            total += number.map_err(|error| error.to_string())?;
        }
        Ok(total * times)
    }

    async fn size(&self, mut data: Receiver<Bytes>) -> u64 {
        let mut size = 0;
        while let Some(bytes) = data.recv().await {
            size += bytes.expect("whole").len() as u64;
        }
        size
    }

    async fn copy(&self, mut numbers: Receiver<u64>, mut copy: Sender<u64>) {
        while let Some(number) = numbers.recv().await {
            copy.send(number.expect("whole")).await.expect("taken");
        }
        copy.finish();
    }

    async fn count(&self, to: u64) -> Result<impl Stream<Item = u64>, TableError> {
        match to {
            0 => Err(TableError::NoRow { row: 0 }),
            to => Ok(tokio_stream::iter(0..to)),
        }
    }

    async fn breaks(&self) -> impl Stream<Item = Result<u64, TableError>> {
        tokio_stream::iter([Ok(1), Err(TableError::NoRow { row: 2 })])
    }

    async fn hang(&self, cx: &CallContext) {
        let flag = cx.extension::<tokio::sync::mpsc::UnboundedSender<()>>();
        let _flag = flag.map(|sender| DropFlag(sender.clone()));
        std::future::pending::<()>().await;
    }

    async fn note(&self, numbers: Option<Receiver<u64>>, cx: &CallContext) {
        let mut numbers = numbers.expect("given");
        let noted = cx.extension::<tokio::sync::mpsc::UnboundedSender<()>>();
        while let Some(number) = numbers.recv().await {
            number.expect("whole");
            noted.expect("given").send(()).expect("received");
        }
    }
}

/// A peer that serves the methods of [`Table`] under their names with the suffix, and nothing else.
fn table() -> PeerBuilder {
    let names = [
        "add", "row", "bytes", "version", "nothing", "user", "total", "size", "copy", "count",
        "breaks", "hang", "note",
    ];
    let server = PeerBuilder::new().service(TableServer::new(Served));
    server.routes(|router: &mut Router| {
        for name in names {
            let name = format!("Table.{name}");
            assert!(router.alias(format!("{name};json"), &name));
            assert!(router.remove(&name));
        }
        Ok(())
    })
}

async fn callers() -> Vec<(JsonCaller, [Peer; 2])> {
    let mut callers = Vec::new();
    for link in LINKS_AND_PROXY {
        let (peer, other) = connected(link, &PeerBuilder::new(), &table()).await;
        callers.push((JsonCaller::new(&peer), [peer, other]));
    }
    callers
}

fn numbers(to: u64) -> impl Stream<Item = JsonText> + Send + 'static {
    tokio_stream::iter((0..to).map(|number| JsonText::of(&number).expect("a number")))
}

#[tokio::test]
async fn methods_are_called_with_values_in_json() {
    for (json, peers) in callers().await {
        // All digits are kept.
        let large = format!(r#"{{"a":{},"b":-7}}"#, i128::MAX);
        let sum = json.call("Table.add", large).await.expect("added");
        assert_eq!(sum, (i128::MAX - 7).to_string().as_str());
        let sum = json.call("Table.add", "[1, 2]").await.expect("added");
        assert_eq!(sum.to::<u8>(), Ok(3));
        let value = JsonText::of(&json!({"a": 3, "b": 4})).expect("JSON");
        let sum = json.call("Table.add", value).await.expect("added");
        assert_eq!(sum, "7");
        let built = JsonArguments::new()
            .named("text", &JsonText::text("\"\u{1F600}\""))
            .named("row", &JsonText::new(" 1e0 ").expect("JSON"));
        let text = json.call("Table.row", built).await.expect("given");
        assert_eq!(text, "\"\\\"\u{1F600}\\\"\"");
        let built = JsonArguments::new().positional(&JsonText::bytes([0, 255]));
        let bytes = json.call("Table.bytes", built).await.expect("returned");
        assert_eq!(bytes.to_bytes().expect("base64"), [0, 255]);
        for empty in ["", " \n", "{}", "[]"] {
            let version = json.call("Table.version", empty).await.expect("returned");
            assert_eq!(version, "7");
        }
        let nothing = json.call("Table.nothing", ()).await.expect("returned");
        assert_eq!(nothing, "null");
        let user = json.call("Table.user", ()).metadata("user", "anna");
        assert_eq!(user.await.expect("returned"), r#""anna""#);
        for peer in &peers {
            idle(peer).await;
        }
    }
}

#[tokio::test]
async fn streams_are_sent_and_received_in_json() {
    for (json, peers) in callers().await {
        for count in [0, 1, 3000] {
            let sum = (0..count).sum::<u64>();
            let arguments = JsonArguments::new()
                .stream("numbers", numbers(count))
                .named("times", &JsonText::new("2").expect("JSON"));
            let total = json.call("Table.total", arguments).await.expect("whole");
            assert_eq!(total.to::<u64>(), Ok(2 * sum));
            // Items of other types are written in JSON.
            let arguments = JsonArguments::new()
                .positional_stream(tokio_stream::iter(0..count))
                .positional(&JsonText::new("3").expect("JSON"));
            let total = json.call("Table.total", arguments).await.expect("whole");
            assert_eq!(total.to::<u64>(), Ok(3 * sum));
            let (sender, mut copied) = channel::<JsonText>();
            let arguments = JsonArguments::new()
                .sender("copy", &sender)
                .stream("numbers", numbers(count));
            let call = json.call("Table.copy", arguments).start();
            for number in 0..count {
                let item = copied.recv().await.expect("one").expect("whole");
                assert_eq!(item.to::<u64>(), Ok(number));
            }
            assert!(copied.recv().await.is_none());
            call.await.expect("copied");
            if count > 0 {
                let arguments =
                    JsonArguments::new().named("to", &JsonText::of(&count).expect("JSON"));
                let mut items = json.stream("Table.count", arguments).await.expect("begun");
                for number in 0..count {
                    let item = items.recv().await.expect("one").expect("whole");
                    assert_eq!(item.to::<u64>(), Ok(number));
                }
                assert!(items.recv().await.is_none());
            }
        }
        let data = [
            Bytes::from_static(b"abc"),
            Bytes::new(),
            vec![7; 20_000].into(),
        ];
        let arguments = JsonArguments::new().stream("data", tokio_stream::iter(data));
        let size = json.call("Table.size", arguments).await.expect("whole");
        assert_eq!(size, "20003");
        let data = [JsonText::bytes("abcd")];
        let arguments = JsonArguments::new().stream("data", tokio_stream::iter(data));
        let size = json.call("Table.size", arguments).await.expect("whole");
        assert_eq!(size, "4");
        for peer in &peers {
            idle(peer).await;
        }
    }
}

#[tokio::test]
async fn errors_of_json_calls_have_their_codes_and_data() {
    let (peer, other) = pair(&PeerBuilder::new(), &table());
    let json = JsonCaller::new(&peer);
    let no_row = |error: &ErrorData, data: &str| {
        assert_eq!(error.code, 17);
        let found = JsonText::from_slice(&error.data).expect("JSON");
        assert_eq!(found, data);
    };
    let error = json.call("Table.row", r#"{"row":5}"#).await;
    match error.expect_err("no row") {
        CallError::Remote(error) => {
            assert_eq!(error.message, "no row 5");
            no_row(&error, r#"{"row":5}"#);
        }
        error => panic!("{error:?}"),
    }
    let Err(error) = json.stream("Table.count", r#"{"to":0}"#).await else {
        panic!("nothing to count");
    };
    match error {
        CallError::Remote(error) => no_row(&error, r#"{"row":0}"#),
        error => panic!("{error:?}"),
    }
    let mut items = json.stream("Table.breaks", ()).await.expect("begun");
    assert_eq!(items.recv().await.expect("one").expect("whole"), "1");
    match items.recv().await.expect("an end").expect_err("an error") {
        StreamError::Call(CallError::Remote(error)) => no_row(&error, r#"{"row":2}"#),
        error => panic!("{error:?}"),
    }
    // A stream that fails at its source.
    let (mut sender, receiver) = channel::<JsonText>();
    let arguments = JsonArguments::new()
        .stream("numbers", receiver)
        .named("times", &JsonText::new("2").expect("JSON"));
    let call = json.call("Table.total", arguments).start();
    sender
        .send(JsonText::new("1").expect("JSON"))
        .await
        .expect("accepted");
    sender.fail("no more");
    let error = call.await.expect_err("broken off");
    assert!(error.to_string().ends_with("no more"), "{error}");
    for peer in [&peer, &other] {
        idle(peer).await;
    }
}

#[tokio::test]
async fn json_calls_that_cannot_be_made_fail_with_a_reason() {
    let (peer, other) = pair(&PeerBuilder::new(), &table());
    let json = JsonCaller::new(&peer);
    let invalid = [
        ("{", "EOF while parsing"),
        ("{}{}", "trailing characters"),
        ("5", "a JSON object of arguments by name"),
        ("[1,]", "trailing comma"),
        ("[\"\u{1}\"]", "control character"),
    ];
    for (arguments, expected) in invalid {
        match json.call("Table.add", arguments).await {
            Err(CallError::Encode(text)) => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
        let sent = json.call_one_way("Table.add", arguments).await;
        assert!(matches!(sent, Err(CallError::Encode(_))), "{sent:?}");
    }
    let mixed = JsonArguments::new()
        .named("a", &JsonText::text("1"))
        .positional(&JsonText::text("2"));
    let error = json.call("Table.add", mixed).await.expect_err("mixed");
    assert!(error.to_string().contains("cannot be mixed"), "{error}");
    let error = json.call("Table.none", ()).await.expect_err("not served");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
    let error = json.call("Table.add", "{}").await.expect_err("arguments");
    assert!(
        error.to_string().contains("`a`") || error.to_string().contains("\"a\""),
        "{error}"
    );
    // The longest name that has room for the suffix, and the next.
    let error = json.call(&"n".repeat(250), ()).await.expect_err("unknown");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
    let error = json.call(&"n".repeat(251), ()).await.expect_err("too long");
    assert!(
        matches!(error, CallError::NameTooLong { len: 256 }),
        "{error:?}"
    );
    // The kind of the result.
    let error = json.call("Table.count", "[5]").await;
    assert!(error.expect_err("a stream").to_string().contains("stream"));
    let Err(error) = json.stream("Table.version", ()).await else {
        panic!("not a stream");
    };
    assert!(error.to_string().contains("stream"), "{error}");
    for peer in [&peer, &other] {
        idle(peer).await;
    }
}

/// A peer's answer may be anything.
#[tokio::test]
async fn answers_that_are_not_json_fail_their_call_alone() {
    let answers: [&[u8]; 8] = [
        b"",
        b"{",
        b"1 2",
        b"\xff",
        b"\"\xff\"",
        b"[1,2",
        b"nul",
        b"{\"a\":1,}",
    ];
    for answer in answers {
        let server = PeerBuilder::new().handle("X.x;json", move |_: Request| async move {
            Ok::<_, ErrorData>(Bytes::from_static(answer))
        });
        let (peer, _other) = pair(&PeerBuilder::new(), &server);
        let json = JsonCaller::new(&peer);
        let error = json.call("X.x", ()).await.expect_err("not JSON");
        assert!(matches!(error, CallError::Decode(_)), "{error:?}");
        assert!(error.to_string().contains("invalid JSON"), "{error}");
    }
    // Nesting without end is text like any other, until it is converted.
    let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    let server = PeerBuilder::new().handle("X.x;json", move |_: Request| {
        let deep = deep.clone();
        async move { Ok::<_, ErrorData>(Bytes::from(deep)) }
    });
    let (peer, _other) = pair(&PeerBuilder::new(), &server);
    let deep = JsonCaller::new(&peer).call("X.x", ()).await.expect("JSON");
    assert_eq!(deep.as_str().len(), 2 << 20);
    let error = deep.to::<serde_json::Value>().expect_err("too deep");
    assert!(error.to_string().contains("recursion"), "{error}");
}

#[tokio::test]
async fn json_calls_are_cancelled_and_limited_in_time() {
    let (dropped, mut drops) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (peer, other) = pair(&PeerBuilder::new(), &table().extension(dropped));
    let json = JsonCaller::new(&peer);
    let call = json
        .call("Table.hang", ())
        .timeout(Duration::from_millis(5));
    let error = call.await.expect_err("late");
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error:?}"
    );
    drops.recv().await.expect("interrupted");
    let call = json.call("Table.hang", ()).start();
    while other.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    drop(call);
    drops.recv().await.expect("interrupted");
    // A receiver that is dropped cancels the method; one that does not read holds it back.
    let mut items = json
        .stream("Table.count", format!("[{}]", u64::MAX))
        .await
        .expect("begun");
    items.recv().await.expect("one").expect("whole");
    drop(items);
    for peer in [&peer, &other] {
        idle(peer).await;
    }
}

#[tokio::test]
async fn one_way_calls_are_made_in_json() {
    for link in [Link::Memory, Link::Tcp] {
        let (flag, mut notes) = tokio::sync::mpsc::unbounded_channel::<()>();
        let (peer, other) = connected(link, &PeerBuilder::new(), &table().extension(flag)).await;
        let json = JsonCaller::new(&peer);
        let (mut sender, receiver) = channel();
        let halves = JsonArguments::new().receiver("numbers", &receiver);
        for arguments in [JsonArguments::new().stream("numbers", numbers(3)), halves] {
            let sent = json.call_one_way("Table.note", arguments).await;
            sent.expect("sent");
        }
        for number in 0..3 {
            sender.send(number).await.expect("accepted");
        }
        sender.finish();
        for _ in 0..6 {
            notes.recv().await.expect("noted");
        }
        for peer in [&peer, &other] {
            idle(peer).await;
        }
    }
}

/// The answer to a request for descriptions may be anything, too.
#[tokio::test]
async fn descriptions_of_other_versions_are_refused() {
    let (peer, _other) = pair(&PeerBuilder::new(), &table());
    let error = JsonCaller::new(&peer).describe().await.expect_err("off");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
    let answers = [
        (r#"{"version":1,"services":[],"more":5}"#, None),
        (r#"{"version":2}"#, Some("has version 2")),
        (r#"{"version":0,"services":[]}"#, Some("has version 0")),
        (r#"{"version":1,"services":5}"#, Some("not a description")),
        ("", Some("not a description")),
        ("[]", Some("not a description")),
    ];
    for (answer, expected) in answers {
        let answer = move |request: Request| async move {
            assert_eq!(request.method(), b"chirp.reflect.describe");
            assert_eq!(request.params(), b"Table");
            Ok::<_, ErrorData>(answer)
        };
        let caller = chirp::Caller::local(answer);
        let described = JsonCaller::new(&caller).describe_of("Table").await;
        match (described, expected) {
            (Ok(description), None) => {
                assert_eq!(description.version, Description::VERSION);
                assert!(description.services.is_empty());
            }
            (Err(CallError::Decode(text)), Some(expected)) => {
                assert!(text.contains(expected), "{text}");
            }
            (other, _) => panic!("{expected:?}: {other:?}"),
        }
    }
}
