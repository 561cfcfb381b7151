//! Checks of the Go implementation's tests (CH-T) on callers and handlers that no other test covers.

use std::panic::catch_unwind;
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::{ErrorData, PacketType};
use chirp::{CallError, Caller, Peer, PeerBuilder, Request, Router};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use crate::conformance::script::in_hex;
use crate::support::{self, LINKS, connected, echo, idle, read_packet, request, response};

fn says(text: &'static str) -> impl chirp::Handler {
    move |_: Request| async move { Ok::<_, ErrorData>(text) }
}

/// CH-T7: names that are too long are refused where they are given.
#[tokio::test]
async fn a_name_that_is_too_long_is_refused() {
    for link in LINKS {
        let long = "x".repeat(260);
        for refused in ["x".repeat(256), long.clone(), "chirp.hello".to_owned()] {
            let registered = catch_unwind(|| PeerBuilder::new().handle(&refused, says("no")));
            let panic = registered.expect_err("it is refused");
            let text = match panic.downcast_ref::<&str>() {
                Some(text) => (*text).to_owned(),
                None => *panic.downcast::<String>().expect("a text"),
            };
            let why = if refused.len() > 255 {
                "method name too long"
            } else {
                "chirp."
            };
            assert!(text.contains(why), "{text}");
        }
        let longest = "x".repeat(255);
        let (peer, _other) = connected(
            link,
            &PeerBuilder::new(),
            &PeerBuilder::new().handle(&longest, says("yes")),
        )
        .await;
        assert_eq!(peer.call(longest, ()).await.expect("answered"), "yes");
        let answer = peer.call(long, ()).await;
        assert!(
            matches!(answer, Err(CallError::NameTooLong { len: 260 })),
            "{answer:?}"
        );
    }
}

/// CH-T9: a local call whose deadline has passed does not reach its handler.
#[tokio::test]
async fn a_local_call_without_time_is_not_made() {
    let caller =
        Caller::local(|_: Request| async { panic!("the handler runs") as Result<(), ErrorData> });
    let call = caller.call("1", ()).timeout(Duration::ZERO);
    let answer = call.await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded { .. })),
        "{answer:?}"
    );
}

/// Copies bytes from one side to the other, and records them.
async fn carry(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) -> Vec<u8> {
    let (mut carried, mut piece) = (Vec::new(), [0; 100]);
    while let Ok(len @ 1..) = from.read(&mut piece).await {
        carried.extend_from_slice(&piece[..len]);
        if to.write_all(&piece[..len]).await.is_err() {
            break;
        }
    }
    // The other side may already be gone.
    let _ = to.shutdown().await;
    carried
}

/// CH-T10: the bytes on the wire when a call times out.
#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_request_a_cancel_and_an_answer() {
    let (ours, left) = tokio::io::duplex(100);
    let (right, theirs) = tokio::io::duplex(100);
    let (left_in, left_out) = tokio::io::split(left);
    let (right_in, right_out) = tokio::io::split(right);
    let out = tokio::spawn(carry(left_in, right_out));
    let back = tokio::spawn(carry(right_in, left_out));
    let waits = PeerBuilder::new().handle("300", |_: Request| std::future::pending::<ErrorData>());
    let peer = PeerBuilder::new()
        .start(Channel::io(ours))
        .expect("started");
    let other = waits.start(Channel::io(theirs)).expect("started");
    let call = peer.call("300", ()).timeout(Duration::from_millis(20));
    let answer = call.await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded { .. })),
        "{answer:?}"
    );
    // The response to a later call arrives after the one to the cancelled call.
    peer.call("none", ()).await.expect_err("unknown");
    idle(&peer).await;
    idle(&other).await;
    peer.close();
    other.closed().await;
    let (out, back) = (
        out.await.expect("no panics"),
        back.await.expect("no panics"),
    );
    let cancelled = [request(1, "300", b""), support::cancel(1)].concat();
    assert!(out.starts_with(&cancelled), "{}", in_hex(&out));
    assert!(back.starts_with(&response(1, 3, b"")), "{}", in_hex(&back));
}

fn by_hand() -> (Peer, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1000);
    let peer = PeerBuilder::new().start(Channel::io(ours));
    (peer.expect("no duplicates"), theirs)
}

/// CH-T11: the other side is slow to answer a cancelled call. Nothing waits for it, and its id is not reused before.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_delays_no_other() {
    let (peer, mut theirs) = by_hand();
    let call = peer.call("sleep", ()).timeout(Duration::from_millis(10));
    let answer = call.await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded { .. })),
        "{answer:?}"
    );
    assert_eq!(peer.stats().abandoned, 1);
    let next = peer.call("next", ()).start();
    let mut sent = request(1, "sleep", b"");
    sent.extend(support::cancel(1));
    let mut read = vec![0; sent.len()];
    theirs.read_exact(&mut read).await.expect("sent");
    assert_eq!(in_hex(&read), in_hex(&sent));
    let (_, payload) = read_packet(&mut theirs).await.expect("sent");
    let id = u32::from_be_bytes(*payload.first_chunk().expect("an id"));
    assert_ne!(id, 1);
    theirs
        .write_all(&response(id, 0, b"yes"))
        .await
        .expect("read");
    assert_eq!(next.await.expect("answered"), "yes");
    theirs.write_all(&response(1, 3, b"")).await.expect("read");
    idle(&peer).await;
}

/// CH-T12, CH-T5: local calls stay local, and a failed nested call becomes the handler's own error.
#[tokio::test]
async fn a_local_call_stays_here() {
    for link in LINKS {
        let mut one = Router::default();
        one.handle("1", says("ok"));
        let mut both = one.clone();
        both.handle("2", |request: Request| async move {
            request.context().caller().call("1", ()).await
        });
        both.handle("3", |request: Request| async move {
            request.context().caller().call("1000", ()).await
        });
        let local = Caller::local_with(both, Caller::local(one));
        assert_eq!(local.call("2", ()).await.expect("answered"), "ok");
        let unknown = local.call("1000", ()).await;
        assert!(
            matches!(unknown, Err(CallError::UnknownMethod { .. })),
            "{unknown:?}"
        );
        let nested = local.call("3", ()).await;
        let Err(CallError::Remote(error)) = nested else {
            panic!("{nested:?}")
        };
        assert!(error.message.contains("unknown method"), "{error}");

        let serving = PeerBuilder::new().handle("4", move |_: Request| local.call("2", ()));
        // The calling peer serves every method, and gets no request.
        let asked = PeerBuilder::new()
            .fallback(|_: Request| async { panic!("asked") as Result<(), ErrorData> });
        let (peer, _other) = connected(link, &asked, &serving).await;
        assert_eq!(peer.call("4", ()).await.expect("answered"), "ok");
        assert_eq!(peer.metrics().counters.calls_in, 0);
    }
}

/// CH-T28: peers of a cloned builder share what the original had, but not later changes.
#[tokio::test]
async fn a_copy_shares_observers_and_packet_handlers() {
    for link in LINKS {
        const KIND: PacketType = PacketType(200);
        let (log, mut logged) = mpsc::unbounded_channel();
        let (say, mut said) = mpsc::unbounded_channel();
        let kept = say.clone();
        let root = PeerBuilder::new()
            .extension(7_u8)
            .handle("value", |request: Request| async move {
                Ok::<_, ErrorData>(vec![
                    *request.context().extension::<u8>().expect("it is there"),
                ])
            })
            .on_packet(move |packet| log.send(packet.to_string()).expect("the test listens"))
            .handle_packet(KIND, move |_, data: Bytes| {
                kept.send(("root", data)).expect("the test listens");
                async { Ok::<_, String>(()) }
            });
        let (first, _one) = connected(link, &PeerBuilder::new(), &root).await;
        let (second, changed) = connected(
            link,
            &PeerBuilder::new(),
            &root.clone().handle("echo", echo),
        )
        .await;
        for peer in [&first, &second] {
            assert_eq!(peer.call("value", ()).await.expect("answered"), vec![7]);
            for _ in ["its Request", "its Response"] {
                logged.recv().await.expect("one observer for both");
            }
            assert!(logged.is_empty());
        }
        first.call("echo", ()).await.expect_err("the copy's own");
        assert_eq!(second.call("echo", "x").await.expect("answered"), "x");

        changed.update_routes(|router| {
            let say = say.clone();
            router.handle_packet(KIND, move |_, data: Bytes| {
                say.send(("changed", data)).expect("the test listens");
                async { Ok::<_, String>(()) }
            });
        });
        for (peer, who) in [(&first, "root"), (&second, "changed")] {
            peer.send_packet(KIND, who).await.expect("sent");
            let heard = said.recv().await.expect("handled");
            assert_eq!(heard, (who, Bytes::from(who)));
        }
    }
}

/// CH-T18: a handler is interrupted when its connection ends, and its result is not sent.
#[tokio::test]
async fn the_end_interrupts_a_handler() {
    let (say, mut said) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new().handle("work", move |request: Request| {
        let (say, cx) = (say.clone(), request.context().clone());
        let (flag, dropped) = support::DropFlag::new();
        say.send(dropped).expect("the test listens");
        async move {
            let _flag = flag;
            cx.cancelled().await;
            // Nobody reads this response.
            Ok::<_, ErrorData>("late")
        }
    });
    for how in ["the other side goes", "shutdown", "close"] {
        let (ours, mut theirs) = tokio::io::duplex(1000);
        let peer = builder.start(Channel::io(ours)).expect("no duplicates");
        theirs
            .write_all(&request(7, "work", b""))
            .await
            .expect("read");
        let mut dropped = said.recv().await.expect("it runs");
        match how {
            "close" => peer.close(),
            "shutdown" => drop(peer.shutdown(Duration::ZERO).await),
            _ => theirs.shutdown().await.expect("the end"),
        }
        dropped.recv().await.expect("its future is dropped");
        idle(&peer).await;
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.expect("the end");
        assert_eq!(in_hex(&sent), "", "{how}");
    }
}

/// Section 7.3, rule 3: "An answer that takes over 10 s SHOULD be taken for none."
#[tokio::test(start_paused = true)]
async fn waiting_for_hello_has_a_time_limit() {
    let (peer, mut theirs) = by_hand();
    let begun = tokio::time::Instant::now();
    assert!(peer.hello().await.expect("it was asked").is_none());
    assert_eq!(begun.elapsed().as_secs(), 10, "by the test's clock");
    // Plain calls still work.
    let call = peer.call("x", ()).start();
    let (_, hello) = read_packet(&mut theirs).await.expect("sent");
    assert!(hello[5..].starts_with(b"chirp.hello"));
    let (_, cancel) = read_packet(&mut theirs).await.expect("sent");
    assert_eq!(cancel, hello[..4]);
    let (_, next) = read_packet(&mut theirs).await.expect("sent");
    let id = u32::from_be_bytes(*next.first_chunk().expect("an id"));
    theirs
        .write_all(&response(id, 0, b"y"))
        .await
        .expect("read");
    assert_eq!(call.await.expect("answered"), "y");
}
