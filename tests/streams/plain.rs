//! Peers that support no streams, or fewer.

use std::time::Duration;

use chirp::channel::Channel;
use chirp::packet::{ErrorData, FrameworkError, HELLO_METHOD, PacketType};
use chirp::stream::channel;
use chirp::{CallError, Limits, Negotiation, Peer, PeerBuilder, Receiver, Sender, StreamError};
use futures_core::Stream;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use crate::support::{idle, pair, read_packet, read_response, request, response};

#[chirp::service]
trait Plain {
    async fn out(&self) -> impl Stream<Item = u64>;
    async fn sum(&self, numbers: Receiver<u64>) -> u64;
    async fn half(&self) -> Option<Receiver<u64>>;
    async fn give(&self, sink: Option<Sender<u64>>) -> u64;
    async fn word(&self, word: &str) -> String;
}

struct Simple;

impl Plain for Simple {
    async fn out(&self) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..100)
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number.expect("whole");
        }
        sum
    }

    async fn half(&self) -> Option<Receiver<u64>> {
        Some(channel().1)
    }

    async fn give(&self, sink: Option<Sender<u64>>) -> u64 {
        u64::from(sink.is_some())
    }

    async fn word(&self, word: &str) -> String {
        word.to_owned()
    }
}

fn refused(error: &CallError) -> FrameworkError {
    let CallError::Rejected { reason, .. } = error else {
        panic!("{error:?}");
    };
    *reason
}

/// Calls with streams fail at once, other calls work, and local halves learn of the failure.
async fn knows_no_streams(client: &PlainClient, peer: &Peer) {
    let error = client.out().await.expect_err("no streams");
    assert_eq!(refused(&error), FrameworkError::Unsupported);
    assert!(error.to_string().contains("streams"), "{error}");
    let error = client.sum(tokio_stream::iter([1])).await;
    assert_eq!(
        refused(&error.expect_err("no streams")),
        FrameworkError::Unsupported
    );
    let (mut sender, numbers) = channel();
    let error = client.sum(numbers).await.expect_err("no streams");
    assert_eq!(refused(&error), FrameworkError::Unsupported);
    sender.closed().await;
    let (sink, mut receiver) = channel();
    let error = client.give(Some(sink)).await.expect_err("no streams");
    assert_eq!(refused(&error), FrameworkError::Unsupported);
    let end = receiver.recv().await.expect("an end");
    assert!(matches!(end, Err(StreamError::Cancelled)), "{end:?}");
    idle(peer).await;
}

fn limits(change: impl FnOnce(&mut Limits)) -> PeerBuilder {
    let mut limits = Limits::default();
    change(&mut limits);
    PeerBuilder::new().limits(limits)
}

#[tokio::test]
async fn a_side_without_streams_refuses_streaming_calls() {
    let never = || PeerBuilder::new().negotiation(Negotiation::Disabled);
    let none = || limits(|limits| limits.max_streams = 0);
    let tables = [
        (PeerBuilder::new(), never()),
        (never(), PeerBuilder::new()),
        (PeerBuilder::new(), none()),
        (none(), PeerBuilder::new()),
    ];
    for (ours, theirs) in tables {
        let (peer, other) = pair(&ours, &theirs.service(PlainServer::new(Simple)));
        let client = PlainClient::new(&peer);
        knows_no_streams(&client, &peer).await;
        assert_eq!(client.word("x").await.expect("a word"), "x");
        assert_eq!(client.give(None).await.expect("a number"), 0);
        // A result with a half cannot be sent either.
        let error = client.half().await.expect_err("no streams");
        assert_eq!(refused(&error), FrameworkError::InvalidResult, "{error}");
        assert!(error.may_have_run());
        idle(&other).await;
    }
}

/// A plain Chirp v0 peer that answers every request.
fn by_hand(mut answer: impl FnMut(u32, &[u8]) -> Option<Vec<u8>> + Send + 'static) -> Peer {
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    tokio::spawn(async move {
        while let Some((kind, payload)) = read_packet(&mut theirs).await {
            let (id, rest) = payload.split_first_chunk().expect("an id");
            let id = u32::from_be_bytes(*id);
            let answered = match kind.0 {
                // The peer cannot interrupt calls, but answers cancels.
                3 => Some(response(id, 3, b"")),
                _ => answer(id, &rest[1 + usize::from(rest[0])..]),
            };
            if let Some(answered) = answered {
                theirs.write_all(&answered).await.expect("the peer reads");
            }
        }
    });
    PeerBuilder::new()
        .start(Channel::io(ours))
        .expect("no duplicates")
}

#[tokio::test]
async fn a_plain_peer_that_answers_hello_gets_no_streams() {
    let echo = by_hand(|id, params| Some(response(id, 0, params)));
    let unknown = by_hand(|id, _| Some(response(id, 1, b"")));
    let constant = by_hand(|id, _| Some(response(id, 0, b"yes")));
    for peer in [echo, unknown, constant] {
        knows_no_streams(&PlainClient::new(&peer), &peer).await;
    }
}

/// Streaming calls wait for the hello answer once, for ten seconds; other calls overtake them.
#[tokio::test(start_paused = true)]
async fn a_plain_peer_that_never_answers_hello_gets_no_streams() {
    let mut asked = false;
    let peer = by_hand(move |id, params| {
        // Hello is the first request.
        if !std::mem::replace(&mut asked, true) {
            return None;
        }
        Some(response(id, 0, params))
    });
    let client = PlainClient::new(&peer);
    let start = Instant::now();
    let first = client.out().start();
    let second = client.sum(tokio_stream::pending()).start();
    assert_eq!(client.word("x").await.expect("a word"), "x");
    assert!(start.elapsed() < Duration::from_secs(1));
    let error = first.await.expect_err("no streams");
    assert_eq!(refused(&error), FrameworkError::Unsupported);
    let error = second.await.expect_err("no streams");
    assert_eq!(refused(&error), FrameworkError::Unsupported);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(11));
    knows_no_streams(&client, &peer).await;
    assert!(start.elapsed() < Duration::from_secs(11));
}

fn plain_caller() -> (Peer, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 10);
    let builder = PeerBuilder::new().service(PlainServer::new(Simple));
    let peer = builder.start(Channel::io(ours)).expect("no duplicates");
    (peer, theirs)
}

/// A plain peer that calls a streaming method gets a service error with the reason.
#[tokio::test]
async fn a_plain_caller_is_told_that_streams_are_needed() {
    let (_peer, mut theirs) = plain_caller();
    // A streaming result, and an argument whose stream index has no stream.
    let table: [(&str, &[u8], u16); 4] = [
        ("Plain.out", b"", 0xC706),
        ("Plain.sum", b"\0", 0xC706),
        ("Plain.give", b"\x01\0", 0xC706),
        // This method has run.
        ("Plain.half", b"", 0xC708),
    ];
    for (id, (method, params, code)) in (1..).zip(table) {
        let call = request(id, method, params);
        theirs.write_all(&call).await.expect("taken");
        if method == "Plain.half" {
            // The first request is hello.
            let (kind, hello) = read_packet(&mut theirs).await.expect("a packet");
            assert_eq!(kind, PacketType::REQUEST);
            let (hello, _) = hello.split_first_chunk().expect("an id");
            let unknown = response(u32::from_be_bytes(*hello), 1, b"");
            theirs.write_all(&unknown).await.expect("taken");
        }
        let (answered, result, data) = read_response(&mut theirs).await;
        assert_eq!((answered, result), (id, 4), "{method}");
        let error = ErrorData::decode(data.into()).expect("error data");
        assert_eq!(error.code, code, "{method}: {error:?}");
        assert!(error.message.contains("stream"), "{method}: {error:?}");
    }
    let hello = request(9, HELLO_METHOD, b"x");
    theirs.write_all(&hello).await.expect("taken");
    assert_eq!(read_response(&mut theirs).await.1, 4);
}

/// Streams beyond either side's limit are refused without other effects.
#[tokio::test]
async fn streams_beyond_the_limit_are_refused() {
    for (ours, theirs, of_other) in [(4, 1000, false), (1000, 4, true)] {
        let ours = limits(|limits| limits.max_streams = ours);
        let theirs = limits(|limits| limits.max_streams = theirs);
        let (peer, other) = pair(&ours, &theirs.service(PlainServer::new(Simple)));
        let client = PlainClient::new(&peer);
        let mut kept = Vec::new();
        for _ in 0..4 {
            let (sender, numbers) = channel();
            kept.push((sender, client.sum(numbers).start()));
        }
        assert_eq!(client.word("x").await.expect("a word"), "x");
        let error = client.out().await.expect_err("one too many");
        // The method has run by then, so the error must not be "overloaded".
        assert_eq!(error.may_have_run(), of_other, "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("too many streams") || text.contains("not accepted"),
            "{text}"
        );
        for (sender, call) in kept {
            sender.finish();
            assert_eq!(call.await.expect("a sum"), 0);
        }
        // There is capacity again.
        let mut numbers = client.out().await.expect("begun");
        assert!(numbers.recv().await.expect("an item").is_ok());
        drop(numbers);
        for peer in [&peer, &other] {
            idle(peer).await;
        }
    }
}
