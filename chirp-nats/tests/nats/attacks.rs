//! Messages of clients that keep to no rule.

use std::io;
use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap};
use chirp::{CallError, ConnectError, Node, PeerBuilder, Server};
use chirp_nats::{MulticastEnd, NatsNode, NatsOptions};
use serde_json::{Value, json};

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, next, settle, until};

/// The longest time for what would otherwise never end.
const FOREVER: Duration = Duration::from_mins(1);

/// The bytes that a connection begins with: hello, version 1, credit.
fn hello(kind: u8, credit: u64) -> Vec<u8> {
    [&[kind, 1][..], &credit.to_be_bytes()].concat()
}

/// Everything that was sent to a subject so far.
async fn received(client: &Client, messages: &mut async_nats::Subscriber, subject: &str) -> usize {
    let marker = client.publish(subject.to_owned(), "marker".into());
    marker.await.expect("sent");
    let mut count = 0;
    while &next(messages).await.payload[..] != b"marker" {
        count += 1;
    }
    count
}

/// Answers are sent with the rights of the server: a question must not become a message to a service, or to `JetStream`.
#[tokio::test(flavor = "multi_thread")]
async fn questions_of_micro_are_answered_to_inboxes_only() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let server = server
        .answer_inboxes("mine.")
        .start()
        .await
        .expect("started");
    let plain = process.plain().await;
    let mut orders = plain.subscribe("orders.new").await.expect("subscribed");
    let mut mine = plain.subscribe("mine.1").await.expect("subscribed");
    for verb in ["PING", "INFO", "STATS"] {
        for part in [
            String::new(),
            ".Arith".to_owned(),
            format!(".Arith.{}", server.id()),
        ] {
            let subject = format!("$SRV.{verb}{part}");
            for reply in ["orders.new", "mine.1"] {
                let sent = plain.publish_with_reply(subject.clone(), reply, "".into());
                sent.await.expect("sent");
            }
            // Questions to one subject are answered in order.
            plain.request(subject, "".into()).await.expect("answered");
        }
    }
    assert_eq!(received(&plain, &mut orders, "orders.new").await, 0);
    assert_eq!(received(&plain, &mut mine, "mine.1").await, 9);
}

/// Everything of a connection is sent to the subject that the other side names.
#[tokio::test(flavor = "multi_thread")]
async fn connections_go_to_inboxes_only() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let peers = || PeerBuilder::new().scheme("nats", nats.scheme());
    let server = Server::builder()
        .scheme("nats", nats.scheme())
        .service(ArithServer::new(Calculator::default()));
    let server = server.bind("nats://arith").await.expect("bound");
    let handle = server.handle();
    tokio::spawn(server.run());
    let plain = process.plain().await;
    let mut orders = plain.subscribe("orders.new").await.expect("subscribed");
    let sent = plain.publish_with_reply("_chirp.channel.arith", "orders.new", hello(0, 9).into());
    sent.await.expect("sent");
    let peer = peers().connect("nats://arith").await.expect("connected");
    assert_eq!(ArithClient::new(&peer).sum_diff(1, 2).await, Ok((3, -1)));
    until(|| handle.connections().len() == 1).await;
    assert_eq!(received(&plain, &mut orders, "orders.new").await, 0);
    // The accepting side does the same.
    let mut dialled = plain
        .subscribe("_chirp.channel.liar")
        .await
        .expect("subscribed");
    settle(&plain).await;
    let accepting = async {
        let reply = next(&mut dialled).await.reply.expect("a subject");
        let sent = plain.publish_with_reply(reply, "orders.new", hello(1, 1 << 20).into());
        sent.await.expect("sent");
    };
    let dialling = peers();
    let (refused, ()) = tokio::join!(dialling.connect("nats://liar"), accepting);
    let Err(ConnectError::Io(error)) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
    nats.flush().await.expect("flushed");
    assert_eq!(received(&plain, &mut orders, "orders.new").await, 0);
    // Clients that share a prefix of their own reach each other.
    let [one, other] = ["mine", "mine"].map(|prefix| NatsOptions::new().inbox_prefix(prefix));
    let one = process.connect_with(one).await;
    let other = process.connect_with(other).await;
    let server = Server::builder()
        .scheme("nats", one.scheme())
        .service(ArithServer::new(Calculator::default()));
    let server = server.bind("nats://mine").await.expect("bound");
    tokio::spawn(server.run());
    let peers = PeerBuilder::new().scheme("nats", other.scheme());
    let peer = peers.connect("nats://mine").await.expect("connected");
    assert_eq!(ArithClient::new(&peer).sum_diff(1, 2).await, Ok((3, -1)));
}

/// An answer of another subject's owner could name any of them.
#[tokio::test(flavor = "multi_thread")]
async fn calls_with_one_inbox_are_each_cancelled_and_interrupted() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let calculator = Calculator::default();
    let start = async || {
        let server = nats.server().service(ArithServer::new(calculator.clone()));
        let server = server.shutdown_timeout(Duration::from_millis(50));
        server.start().await.expect("started")
    };
    let server = start().await;
    let plain = process.plain().await;
    let mut answers = plain.subscribe("_INBOX.one").await.expect("subscribed");
    let wait = async |calls: usize| {
        for _ in 0..calls {
            let sent = plain.publish_with_reply("Arith.wait", "_INBOX.one", "".into());
            sent.await.expect("sent");
        }
        until(|| calculator.waiting() == calls).await;
    };
    wait(3).await;
    // One of them ends, and the others can still be cancelled.
    calculator.0.release.notify_one();
    next(&mut answers).await;
    until(|| server.running_calls() == 2).await;
    let mut cancel = HeaderMap::new();
    cancel.insert("Chirp-CancelledCall", "_INBOX.one");
    let sent = plain.publish_with_headers("_chirp.all.Arith.wait", cancel, "".into());
    sent.await.expect("sent");
    until(|| server.running_calls() == 0).await;
    assert_eq!(calculator.waiting(), 0);
    wait(3).await;
    let closed = tokio::time::timeout(FOREVER, server.close()).await;
    closed.expect("in time").expect("closed");
    assert_eq!(calculator.waiting(), 0);
    let server = start().await;
    wait(3).await;
    drop(server);
    until(|| calculator.waiting() == 0).await;
}

/// An empty subject, or one that no call has, cancels nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_no_call_has_no_effect() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let _server = server.start().await.expect("started");
    calculator
        .0
        .blocked
        .store(true, std::sync::atomic::Ordering::SeqCst);
    ArithClient::new(&nats).note(3).await.expect("sent");
    until(|| calculator.started() == 1).await;
    let plain = process.plain().await;
    for reply in ["", " ", " 0", "*", ">", "_INBOX.nobody"] {
        let mut cancel = HeaderMap::new();
        cancel.insert("Chirp-CancelledCall", reply);
        for subject in ["_chirp.all.Arith.note", "Arith.note"] {
            let sent = plain.publish_with_headers(subject, cancel.clone(), "".into());
            sent.await.expect("sent");
        }
    }
    let arith = ArithClient::new(&nats);
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    calculator.0.release.notify_one();
    until(|| calculator.notes() == 3).await;
}

/// Headers with values that no Chirp caller writes: the call runs without them, or is refused.
#[tokio::test(flavor = "multi_thread")]
async fn headers_of_strangers_are_read_with_care() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let _server = server.start().await.expect("started");
    let plain = process.plain().await;
    let huge = "9".repeat(400);
    for (name, value) in [
        ("Chirp-Timeout", "18446744073709551615"),
        ("Chirp-Timeout", &huge),
        ("Chirp-Timeout", "-1"),
        ("Chirp-Timeout", "1e3"),
        ("Chirp-Timeout", ""),
        ("traceparent", "00-0-0-0"),
        ("traceparent", &huge),
        ("tracestate", "=,=,"),
        ("Chirp-Running", "Arith.note"),
        ("Chirp-Error", "unknown"),
        ("Chirp-Worker", "x"),
        ("Nats-Request-Info", "{"),
        ("Chirp-Meta-", "nameless"),
        ("Chirp-Meta-%", "%"),
        ("Chirp-Meta-%FF", "%F"),
        ("Chirp-Meta-a", "%zz%"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value);
        let answer = plain.request_with_headers("Arith.sum_diff", headers, "[1,2]".into());
        let answer = answer.await.expect("answered");
        let refused = answer
            .headers
            .is_some_and(|headers| headers.get("Nats-Service-Error").is_some());
        assert!(
            refused || &answer.payload[..] == b"[3,-1]",
            "{name}: {value}"
        );
    }
    // The same of callers that say that they are Chirp's.
    for name in ["Chirp-Call", "Chirp-Call-Json"] {
        for value in ["18446744073709551615", "x", ""] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value);
            let answer =
                plain.request_with_headers("Arith.sum_diff", headers, vec![0xFF; 99].into());
            let headers = answer.await.expect("answered").headers;
            assert!(headers.is_some_and(|headers| headers.get("Chirp-Error").is_some()));
        }
    }
    for reply in [
        "_INBOX.x.chirp=18446744073709551616",
        "_INBOX.x.chirp=",
        "_INBOX.x.chirp=-1",
    ] {
        let mut answers = plain.subscribe(reply).await.expect("subscribed");
        let sent = plain.publish_with_reply("Arith.sum_diff", reply, vec![0xFF; 99].into());
        sent.await.expect("sent");
        let headers = next(&mut answers).await.headers;
        assert!(headers.is_some_and(|headers| headers.get("Chirp-Error").is_some()));
    }
    assert_eq!(ArithClient::new(&nats).sum_diff(1, 2).await, Ok((3, -1)));
}

/// Responses that no server of Chirp sends.
#[tokio::test(flavor = "multi_thread")]
async fn responses_of_liars_are_errors() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let plain = process.plain().await;
    let mut requests = plain.subscribe("Arith.sum_diff").await.expect("subscribed");
    settle(&plain).await;
    let arith = ArithClient::new(&nats);
    for (name, value, body) in [
        ("Chirp-Error", "7", &b"\xFF\xFF\xFF"[..]),
        ("Chirp-Error", "", b""),
        ("Chirp-Error", "unknown", b""),
        ("Nats-Service-Error", "no", b""),
        ("Nats-Service-Error-Code", "99999999999", b""),
        (
            "Unknown",
            "x",
            b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ),
        ("Unknown", "x", b""),
    ] {
        let answering = async {
            let reply = next(&mut requests).await.reply.expect("a subject");
            let mut headers = HeaderMap::new();
            headers.insert(name, value);
            for _ in 0..3 {
                let sent = plain.publish_with_headers(reply.clone(), headers.clone(), body.into());
                sent.await.expect("sent");
            }
        };
        let (answer, ()) = tokio::join!(arith.sum_diff(1, 2), answering);
        let error = answer.expect_err(name);
        assert!(
            !matches!(error, CallError::DeadlineExceeded { .. }),
            "{name}: {error:?}"
        );
    }
    assert_eq!(nats.pending_calls(), 0);
    assert!(nats.is_connected());
    assert_eq!(nats.connections(), 1);
}

/// One server that answers for many, and one that answers without end.
#[tokio::test(flavor = "multi_thread")]
async fn a_multicast_bounds_what_it_takes() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let server = server.start().await.expect("started");
    let plain = process.plain().await;
    let mut requests = plain
        .subscribe("_chirp.all.Arith.bytes")
        .await
        .expect("subscribed");
    settle(&plain).await;
    let flood = async |requests: &mut async_nats::Subscriber, answers: usize, worker: &str| {
        // The cancel of the multicast before has none.
        let reply = loop {
            if let Some(reply) = next(requests).await.reply {
                break reply;
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert("Chirp-Worker", worker);
        let body = bytes::Bytes::from(vec![0; 100_000]);
        for _ in 0..answers {
            let sent = plain.publish_with_headers(reply.clone(), headers.clone(), body.clone());
            sent.await.expect("sent");
        }
    };
    let call = || nats.everyone().gather(ArithClient::unbound().bytes(10));
    let time = Duration::from_millis(500);
    let gathering = async { call().expect(3).timeout(time).await };
    let (gathered, ()) = tokio::join!(gathering, flood(&mut requests, 5, "other"));
    let gathered = gathered.expect("sent");
    assert_eq!(
        gathered.end,
        MulticastEnd::TimedOut,
        "there are two servers"
    );
    assert_eq!(gathered.answers.len(), 2);
    assert!(
        gathered
            .answers
            .iter()
            .any(|answer| &*answer.from == server.id())
    );
    let gathering = async { call().max_bytes(1 << 20).timeout(FOREVER).await };
    let (gathered, ()) = tokio::join!(gathering, flood(&mut requests, 50, ""));
    let gathered = gathered.expect("sent");
    assert_eq!(gathered.end, MulticastEnd::Full);
    assert!(gathered.answers.len() <= 11, "{}", gathered.answers.len());
    assert!(!gathered.is_complete());
}

/// Each waits for credit, and none takes a place in the queue that all share.
#[tokio::test(flavor = "multi_thread")]
async fn connections_without_credit_leave_room_for_others() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let plain = process.plain().await;
    let mut dialled = plain
        .subscribe("_chirp.channel.miser")
        .await
        .expect("subscribed");
    settle(&plain).await;
    let miser = plain.clone();
    tokio::spawn(async move {
        loop {
            let reply = next(&mut dialled).await.reply.expect("a subject");
            let own = miser.new_inbox();
            let sent = miser.publish_with_reply(reply, own, hello(1, 0).into());
            sent.await.expect("sent");
        }
    });
    let peers = PeerBuilder::new().scheme("nats", nats.scheme());
    let mut connected = Vec::new();
    // More than the queue of the client has places.
    for _ in 0..2_200 {
        connected.push(peers.connect("nats://miser").await.expect("accepted"));
    }
    nats.flush().await.expect("there is room");
}

/// One message of a stranger must not become any number of each node.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_answer_announcements_at_a_bounded_rate() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let node = Node::builder("alpha").network("prod").nats(&nats);
    let node = node.start().await.expect("started");
    let plain = process.plain().await;
    let mut said = plain
        .subscribe("_chirp.nodes.prod")
        .await
        .expect("subscribed");
    settle(&plain).await;
    let say = async |message: Value| {
        let sent = plain.publish("_chirp.nodes.prod", message.to_string().into());
        sent.await.expect("sent");
    };
    let begin = Instant::now();
    say(json!({"name": "x".repeat(500_000), "addresses": ["nats://x"]})).await;
    say(json!({"name": "y", "addresses": ["x".repeat(500_000)]})).await;
    say(json!({"name": "y", "addresses": vec!["nats://y"; 50_000]})).await;
    let mut answers = 0_u128;
    for _ in 0..3 {
        for number in 0..200 {
            say(json!({"name": format!("eve-{number}"), "addresses": [], "asks": true})).await;
        }
        loop {
            let message = next(&mut said).await.payload;
            let message: Value = serde_json::from_slice(&message).expect("JSON");
            if message["name"] == "alpha" {
                answers += 1;
                break;
            }
        }
    }
    let most = begin.elapsed().as_millis() / 100 + 2;
    assert!(answers <= most, "{answers} of at most {most}");
    assert_eq!(node.peers().len(), 0);
    node.close();
    node.closed().await;
}
