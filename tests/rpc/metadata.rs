//! Metadata of calls, and calls that are made within others.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chirp::packet::{FrameworkError, PacketType};
use chirp::{
    AsCaller, CallContext, CallError, Caller, Channel, ClientNext, Limits, Metadata, MetadataError,
    Negotiation, OutgoingCall, Peer, PeerBuilder, Receiver, Request, Server, TraceContext, stream,
};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use crate::support::{
    LINKS_AND_PROXY, channels, in_time, on_both_runtimes, pair, read_packet, response, socket_path,
};

const LONG: Duration = Duration::from_secs(1000);

/// Shows the metadata of a call, and whether it has a deadline: `a=1 b=2 in time`.
fn shown(cx: &CallContext) -> String {
    let entries = cx.metadata().iter();
    let mut words: Vec<_> = entries
        .map(|(key, value)| format!("{key}={}", value.escape_ascii()))
        .collect();
    if cx.deadline().is_some() {
        words.push("in time".to_owned());
    }
    if let Some(trace) = cx.trace() {
        words.push(format!("{trace} {}", trace.state()));
    }
    words.join(" ")
}

async fn show(request: Request) -> Result<String, String> {
    Ok(shown(request.context()))
}

fn showing() -> PeerBuilder {
    PeerBuilder::new().handle("show", show)
}

fn trace() -> TraceContext {
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        .parse::<TraceContext>()
        .and_then(|trace| trace.with_state("a=b"))
        .expect("valid")
}

#[chirp::service]
trait Shop {
    async fn order(&self, item: &str, cx: &CallContext) -> String;
    #[chirp(deadline = "1h")]
    async fn slow(&self, cx: &CallContext) -> String;
    #[chirp(oneway)]
    async fn note(&self, cx: &CallContext);
    fn prices(&self, cx: &CallContext) -> impl chirp::Stream<Item = String>;
    async fn count(&self, items: Receiver<u8>, cx: &CallContext) -> String;
}

struct Notes(mpsc::UnboundedSender<String>);

impl Shop for Notes {
    async fn order(&self, item: &str, cx: &CallContext) -> String {
        format!("{item}: {}", shown(cx))
    }

    async fn slow(&self, cx: &CallContext) -> String {
        let left = cx.deadline().map(|at| at - Instant::now());
        format!("{}", left.is_some_and(|left| left > 2 * LONG))
    }

    async fn note(&self, cx: &CallContext) {
        self.0.send(shown(cx)).expect("the test listens");
    }

    fn prices(&self, cx: &CallContext) -> impl chirp::Stream<Item = String> {
        tokio_stream::once(shown(cx))
    }

    async fn count(&self, mut items: Receiver<u8>, cx: &CallContext) -> String {
        let mut count = 0;
        while items.recv().await.is_some() {
            count += 1;
        }
        format!("{count} {}", shown(cx))
    }
}

#[test]
fn metadata_reaches_the_handler_over_every_channel() {
    on_both_runtimes(async || {
        for link in LINKS_AND_PROXY {
            let (one, other) = channels(link).await;
            let caller = PeerBuilder::new().start(one).expect("no duplicates");
            let _callee = showing().start(other).expect("no duplicates");
            let call = caller.call("show", ()).metadata("tenant", "blue");
            let call = call.metadata("key", [0xFF]).trace(trace());
            assert_eq!(
                in_time(call).await.expect("answered"),
                format!("tenant=blue key=\\xff {} a=b", trace()),
                "{link:?}"
            );
            assert_eq!(caller.call("show", ()).await.expect("answered"), "");
        }
    });
}

#[tokio::test]
async fn all_calls_of_a_derived_client_carry_its_metadata() {
    let (notes, mut told) = mpsc::unbounded_channel();
    let (caller, _callee) = pair(
        &PeerBuilder::new(),
        &PeerBuilder::new().service(ShopServer::new(Notes(notes.clone()))),
    );
    let over_a_connection = ShopClient::new(&caller);
    let local = ShopClient::local(Notes(notes));
    for plain in [over_a_connection, local] {
        let shop = plain.clone().with_metadata("tenant", "blue");
        assert_eq!(
            shop.order("tea").await.expect("answered"),
            "tea: tenant=blue"
        );
        // The call's own value takes precedence.
        let call = shop.order("tea").metadata("tenant", "red");
        assert_eq!(call.await.expect("answered"), "tea: tenant=red");
        shop.note().metadata("n", "1").await.expect("sent");
        assert_eq!(in_time(told.recv()).await.expect("told"), "tenant=blue n=1");
        let mut prices = shop.prices().await.expect("it streams");
        assert_eq!(
            in_time(prices.recv()).await.expect("one").expect("sent"),
            "tenant=blue"
        );
        let (mut items, receiver) = stream::channel();
        let counted = shop.count(receiver).start();
        items.send(1).await.expect("taken");
        items.finish();
        assert_eq!(in_time(counted).await.expect("answered"), "1 tenant=blue");
        assert_eq!(plain.order("tea").await.expect("answered"), "tea: ");
        let timed = plain.clone().with_timeout(3 * LONG);
        assert_eq!(timed.order("tea").await.expect("answered"), "tea: in time");
        // The method's own deadline gives way to the client's timeout.
        assert_eq!(timed.slow().await.expect("answered"), "true");
        assert_eq!(
            plain.with_timeout(LONG).slow().await.expect("answered"),
            "false"
        );
    }
}

#[test]
fn twenty_calls_started_at_once_on_a_new_connection_carry_their_metadata() {
    on_both_runtimes(async || {
        for negotiation in [
            Negotiation::Connecting,
            Negotiation::Lazy,
            Negotiation::Eager,
        ] {
            let server = Server::builder().handle("show", show);
            let address = format!("unix://{}", socket_path().display());
            let server = server.bind(address.as_str()).await.expect("bound");
            let running = tokio::spawn(server.run());
            let builder = PeerBuilder::new().negotiation(negotiation);
            let peer = builder.connect(address.as_str()).await.expect("connected");
            let calls: Vec<_> = (0..20)
                .map(|n| peer.call("show", ()).metadata("n", n.to_string()).start())
                .collect();
            for (n, call) in calls.into_iter().enumerate() {
                assert_eq!(in_time(call).await.expect("answered"), format!("n={n}"));
            }
            running.abort();
        }
    });
}

/// A peer whose other end is written by hand. The peer has asked hello.
async fn asked() -> (Peer, DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let builder = PeerBuilder::new().negotiation(Negotiation::Eager);
    let peer = builder.start(Channel::io(ours)).expect("no duplicates");
    let (kind, payload) = read_packet(&mut theirs).await.expect("hello");
    assert_eq!(
        (kind, &payload[..4]),
        (PacketType::REQUEST, &[0, 0, 0, 1][..])
    );
    (peer, theirs)
}

/// The name of a request and its id.
async fn next_request(io: &mut DuplexStream) -> (u32, String) {
    let (kind, payload) = in_time(read_packet(io)).await.expect("a packet");
    assert_eq!(kind, PacketType::REQUEST);
    let (id, rest) = payload.split_first_chunk().expect("an id");
    let name = String::from_utf8_lossy(&rest[1..]).into_owned();
    (u32::from_be_bytes(*id), name)
}

fn is_unsupported(error: &CallError) -> bool {
    matches!(error, CallError::Rejected { reason, .. } if *reason == FrameworkError::Unsupported)
}

#[tokio::test]
async fn required_metadata_fails_at_a_plain_peer_and_optional_metadata_is_left_out() {
    let (peer, mut theirs) = asked().await;
    let required = peer.call("required", ()).metadata("k", "v").start();
    let one_way = peer
        .as_caller()
        .call_one_way("note", ())
        .metadata("k", "v")
        .start();
    // Nothing waits but the calls with required metadata.
    let plain = peer.call("plain", ()).start();
    let optional = peer
        .call("optional", ())
        .metadata_optional("k", "v")
        .start();
    let traced = peer.call("traced", ()).trace(trace()).timeout(LONG).start();
    for (call, name) in [(plain, "plain"), (optional, "optional"), (traced, "traced")] {
        let (id, called) = next_request(&mut theirs).await;
        assert_eq!(called, name);
        theirs
            .write_all(&response(id, 0, b""))
            .await
            .expect("written");
        in_time(call).await.expect("answered");
    }
    // The answer to hello: unknown method.
    theirs
        .write_all(&response(1, 1, b""))
        .await
        .expect("written");
    let error = in_time(required).await.expect_err("not supported");
    assert!(
        is_unsupported(&error) && error.is_safe_to_retry(),
        "{error}"
    );
    assert!(
        error.to_string().contains("does not know metadata"),
        "{error}"
    );
    let error = in_time(one_way).await.expect_err("not supported");
    assert!(is_unsupported(&error), "{error}");
    // From now on it is known.
    let later = peer.call("required", ()).metadata("k", "v");
    assert!(is_unsupported(
        &in_time(later).await.expect_err("not supported")
    ));
    let one_way = peer.as_caller().call_one_way("note", ()).metadata("k", "v");
    assert!(is_unsupported(
        &in_time(one_way).await.expect_err("not supported")
    ));
    let optional = peer
        .call("optional", ())
        .metadata_optional("k", "v")
        .start();
    assert_eq!(next_request(&mut theirs).await.1, "optional");
    drop(optional);
}

/// An entry is as required as the place says that it comes from, whatever an entry in its place was before.
#[tokio::test]
async fn required_metadata_in_place_of_optional_metadata_is_required() {
    let plain = showing().negotiation(Negotiation::Disabled);
    let (peer, _other) = pair(&PeerBuilder::new(), &plain);
    let optional = peer.as_caller().with_metadata_optional("k", "client");
    let mut all = Metadata::new();
    all.insert("k", "call").expect("allowed");
    for call in [
        optional.call("show", ()).metadata("k", "call"),
        optional.call("show", ()).all_metadata(&all),
        peer.call("show", ())
            .metadata_optional("k", "call")
            .metadata("k", "call"),
        optional.clone().with_metadata("k", "v").call("show", ()),
        optional
            .clone()
            .with_layer(|call: OutgoingCall, next: ClientNext| next.run(call.metadata("k", "v")))
            .call("show", ()),
    ] {
        assert!(is_unsupported(&in_time(call).await.expect_err("required")));
    }
    let one_way = optional.call_one_way("show", ()).metadata("k", "call");
    assert!(is_unsupported(
        &in_time(one_way).await.expect_err("required")
    ));
    // The other way round it is optional.
    let required = peer.as_caller().with_metadata("k", "client");
    all.optional("k");
    for call in [
        optional.call("show", ()),
        required.call("show", ()).metadata_optional("k", "call"),
        required.call("show", ()).all_metadata(&all),
    ] {
        assert_eq!(in_time(call).await.expect("answered"), "");
    }
}

#[tokio::test(start_paused = true)]
async fn required_metadata_fails_at_a_peer_that_does_not_answer_hello() {
    let (peer, mut theirs) = asked().await;
    let began = tokio::time::Instant::now();
    let error = peer.call("m", ()).metadata("k", "v").await;
    assert!(is_unsupported(&error.expect_err("not supported")));
    assert_eq!(began.elapsed().as_secs(), 10);
    let plain = peer.call("plain", ()).start();
    let (kind, _) = read_packet(&mut theirs).await.expect("a packet");
    assert_eq!(kind, PacketType::CANCEL);
    let (id, _) = next_request(&mut theirs).await;
    theirs
        .write_all(&response(id, 0, b""))
        .await
        .expect("written");
    plain.await.expect("answered");
}

#[tokio::test]
async fn a_side_that_negotiates_nothing_sends_and_takes_no_metadata() {
    let disabled = || showing().negotiation(Negotiation::Disabled);
    let (one, other) = pair(&disabled(), &showing());
    for peer in [one, other] {
        let error = in_time(peer.call("show", ()).metadata("k", "v")).await;
        assert!(is_unsupported(&error.expect_err("not supported")));
        let call = peer
            .call("show", ())
            .metadata_optional("k", "v")
            .timeout(LONG);
        assert_eq!(in_time(call).await.expect("answered"), "");
    }
}

#[tokio::test]
async fn metadata_that_cannot_be_sent_fails_the_call() {
    let (peer, _other) = pair(&PeerBuilder::new(), &showing());
    let local = Caller::local(show);
    let long = "k".repeat(256);
    for caller in [peer.as_caller(), local] {
        for (key, error) in [
            ("", MetadataError::EmptyKey),
            (&long, MetadataError::KeyTooLong { len: 256 }),
            ("chirp.x", MetadataError::ReservedKey("chirp.x".into())),
        ] {
            let of_call = caller.call("show", ()).metadata(key, "v");
            let of_client = caller.clone().with_metadata(key, "v").call("show", ());
            for call in [of_call, of_client] {
                let failed = in_time(call).await.expect_err("not allowed");
                assert_eq!(failed, CallError::Metadata(error.clone()));
                assert!(failed.is_safe_to_retry());
            }
        }
        // Four bytes and the key count, too.
        let fits = 8192 - 5;
        let call = caller.call("show", ()).metadata("k", vec![b'v'; fits]);
        assert_eq!(in_time(call).await.expect("answered").len(), 2 + fits);
        let call = caller.call("show", ()).metadata("k", vec![b'v'; fits + 1]);
        let error = MetadataError::TooLarge {
            len: 8193,
            limit: 8192,
        };
        assert_eq!(in_time(call).await, Err(CallError::Metadata(error)));
    }
}

#[tokio::test]
async fn metadata_over_the_callees_limit_is_refused() {
    let limits = Limits::default().max_metadata(100);
    let (peer, _other) = pair(&PeerBuilder::new(), &showing().limits(limits));
    let call = peer.call("show", ()).metadata("k", vec![b'v'; 95]);
    assert_eq!(in_time(call).await.expect("answered").len(), 97);
    let call = peer.call("show", ()).metadata("k", vec![b'v'; 96]);
    let error = in_time(call).await.expect_err("too large");
    let CallError::Rejected { reason, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*reason, FrameworkError::MetadataTooLarge { limit: 100 });
    assert!(error.is_safe_to_retry());
    // The connection lives.
    assert_eq!(peer.call("show", ()).await.expect("answered"), "");
}

/// Calls `show` at the other end of a connection of its own, within the call.
fn relaying(onward: Caller) -> impl chirp::Handler {
    move |request: Request| {
        let call = onward.call("show", ()).within(request.context());
        async move {
            let answer = call.await.map_err(|error| error.to_string())?;
            Ok::<_, String>(answer)
        }
    }
}

#[tokio::test]
async fn a_call_within_another_inherits_deadline_trace_and_marked_metadata() {
    let (onward, _end) = pair(&PeerBuilder::new(), &showing());
    onward.hello().await.expect("asked").expect("it speaks it");
    let relay = PeerBuilder::new()
        .inherit_metadata(["tenant"])
        .inherit_metadata(["id"])
        .handle("relay", relaying(onward.as_caller()))
        .handle("local", relaying(Caller::local(show)))
        // A handler in this process passes on what it was given.
        .handle(
            "twice",
            relaying(Caller::local(relaying(onward.as_caller()))),
        );
    let (caller, _relay) = pair(&PeerBuilder::new(), &relay);
    for method in ["relay", "local", "twice"] {
        let call = caller.call(method, ()).timeout(LONG).trace(trace());
        let call = call
            .metadata("id", "1")
            .metadata("secret", "x")
            .metadata("tenant", "blue");
        assert_eq!(
            in_time(call).await.expect("answered"),
            format!("id=1 tenant=blue in time {} a=b", trace()),
            "{method}"
        );
        let call = caller.call(method, ()).metadata("secret", "x");
        assert_eq!(in_time(call).await.expect("answered"), "", "{method}");
    }
}

#[tokio::test]
async fn the_own_limits_and_metadata_of_a_call_within_another_apply_too() {
    let (onward, _end) = pair(
        &PeerBuilder::new(),
        &PeerBuilder::new()
            .handle("show", show)
            .handle("wait", |_: Request| {
                std::future::pending::<Result<(), String>>()
            }),
    );
    let onward = onward.as_caller().with_metadata("tenant", "mine");
    let (done, mut outcomes) = mpsc::unbounded_channel();
    let relay = PeerBuilder::new()
        .inherit_metadata(["tenant", "id"])
        .handle("relay", move |request: Request| {
            let cx = request.context();
            let shown = onward.call("show", ()).within(cx).metadata("id", "mine");
            let shorter = onward.call("wait", ()).timeout(Duration::ZERO).within(cx);
            let longer = onward.call("wait", ()).within(cx).timeout(LONG);
            let done = done.clone();
            // It outlives the handler.
            tokio::spawn(async move {
                for outcome in [shown.await, shorter.await, longer.await] {
                    let text = outcome.map(|text| String::from_utf8_lossy(&text).into_owned());
                    done.send(text).expect("the test listens");
                }
            });
            std::future::pending::<Result<(), String>>()
        });
    let (caller, _relay) = pair(&PeerBuilder::new(), &relay);
    caller.hello().await.expect("asked").expect("it speaks it");
    let call = caller
        .call("relay", ())
        .metadata("tenant", "blue")
        .metadata("id", "blue");
    let error = in_time(call.timeout(Duration::from_secs(1))).await;
    assert!(matches!(error, Err(CallError::DeadlineExceeded { .. })));
    let mut outcome = async || in_time(outcomes.recv()).await.expect("an outcome");
    assert_eq!(
        outcome().await.expect("answered"),
        "tenant=mine id=mine in time"
    );
    for _ in 0..2 {
        let error = outcome().await.expect_err("the time is over");
        assert!(
            matches!(error, CallError::DeadlineExceeded { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_caller_that_forwards_keeps_the_context() {
    let (onward, _end) = pair(&PeerBuilder::new(), &showing());
    onward.hello().await.expect("asked").expect("it speaks it");
    let proxy = PeerBuilder::new().fallback(onward.as_caller());
    let (caller, _proxy) = pair(&PeerBuilder::new(), &proxy);
    let call = caller.call("show", ()).timeout(LONG).trace(trace());
    let call = call.metadata("a", "1").metadata("b", "2");
    assert_eq!(
        in_time(call).await.expect("answered"),
        format!("a=1 b=2 in time {} a=b", trace())
    );
    assert_eq!(caller.call("show", ()).await.expect("answered"), "");
}

#[tokio::test]
async fn a_reconnecting_client_sends_metadata_again() {
    // The first connection ends with the call unanswered.
    let (lost, mut losing) = mpsc::unbounded_channel();
    let server = Server::builder().configure_peers(move |peers| {
        peers.handle("show", move |request: Request| {
            let lost = lost.clone();
            async move {
                if lost.send(request.context().clone()).is_ok() {
                    std::future::pending::<()>().await;
                }
                Ok::<_, String>(shown(request.context()))
            }
        })
    });
    let address = format!("unix://{}", socket_path().display());
    let server = server.bind(address.as_str()).await.expect("bound");
    let handle = server.handle();
    let running = tokio::spawn(server.run());
    let client = PeerBuilder::new().reconnecting(address.as_str());
    let client = client.expect("an address");
    let caller = client.as_caller().with_metadata("tenant", "blue");
    let call = caller
        .call("show", ())
        .idempotent()
        .metadata("id", "7")
        .timeout(LONG);
    let call = tokio::spawn(call);
    let first = in_time(losing.recv()).await.expect("it arrives");
    assert_eq!(first.metadata().text("id"), Some("7"));
    losing.close();
    for connection in handle.connections() {
        connection.peer.close();
    }
    let shown = in_time(call).await.expect("no panic").expect("answered");
    assert!(shown.starts_with(b"tenant=blue id=7"), "{shown:?}");
    running.abort();
}

#[tokio::test]
async fn repeated_keys_and_all_metadata_are_sent_in_order() {
    let (peer, _other) = pair(&PeerBuilder::new(), &showing());
    let mut metadata = Metadata::new();
    metadata.append("hop", "1").expect("allowed");
    metadata.append("via", "x").expect("allowed");
    metadata.append("hop", "2").expect("allowed");
    let call = peer
        .call("show", Bytes::new())
        .metadata("hop", "0")
        .metadata("a", "b");
    let call = call.all_metadata(&metadata);
    assert_eq!(
        in_time(call).await.expect("answered"),
        "a=b hop=1 via=x hop=2"
    );
}
