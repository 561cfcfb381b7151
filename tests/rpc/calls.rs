//! Calls between two peers, over every kind of channel.

use crate::support::{LINKS_AND_PROXY, Link, connected, echo, idle, read_packet, response};
use bytes::Bytes;
use chirp::Limits;
use chirp::channel::Channel;
use chirp::packet::{ErrorData, ExtensionFlags, FrameworkError, HELLO_METHOD};
use chirp::{AsCaller, CallError, Peer, PeerBuilder, Reply, Request};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

fn served() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("nothing", |_: Request| async { Ok::<_, ErrorData>(()) })
        .handle("fail", |request: Request| async move {
            Err::<(), _>(String::from_utf8_lossy(request.params()).into_owned())
        })
        .handle("edata", |_: Request| async {
            ErrorData::new(17, "hey").with_data("stuff")
        })
        .handle("eempty", |_: Request| async { ErrorData::default() })
        .handle("hidden", |_: Request| async { Reply::UnknownMethod })
        .handle("later", |request: Request| async move {
            tokio::task::yield_now().await;
            echo(request).await
        })
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
        .handle("", |_: Request| async { "an empty name" })
        .handle("countdown", |request: Request| async move {
            let caller = request.context().caller().clone();
            match request.params() {
                [0] => Ok(Bytes::from("lift off")),
                [left] => caller.call("countdown", vec![left - 1]).await,
                _ => Ok(Bytes::new()),
            }
        })
        .handle("lost", |request: Request| async move {
            request.context().caller().call("no such", "").await
        })
}

fn remote(answer: Result<Bytes, CallError>) -> ErrorData {
    match answer {
        Err(CallError::Remote(error)) => error,
        other => panic!("no service error: {other:?}"),
    }
}

/// CH-T1 to CH-T4, CH-T22; and a failed nested call becomes the handler's own error.
async fn say_what_they_say(peer: &Peer) {
    for method in ["echo", "later"] {
        assert_eq!(peer.call(method, "yay").await.expect("answered"), "yay");
    }
    assert_eq!(peer.call("nothing", "x").await.expect("answered"), "");
    assert_eq!(
        remote(peer.call("fail", "oops").await),
        ErrorData::new(0, "oops")
    );
    let error = ErrorData::new(17, "hey").with_data("stuff");
    assert_eq!(remote(peer.call("edata", ()).await), error);
    assert_eq!(remote(peer.call("eempty", ()).await), ErrorData::default());
    assert_eq!(
        remote(peer.call("", ()).await),
        ErrorData::new(0, "an empty name")
    );
    for unknown in ["10", "hidden"] {
        let answer = peer.call(unknown, "x").await;
        assert!(
            matches!(answer, Err(CallError::UnknownMethod { .. })),
            "{answer:?}"
        );
    }
    assert_eq!(
        peer.call("countdown", vec![5]).await.expect("answered"),
        "lift off"
    );
    let nested = remote(peer.call("lost", ()).await);
    assert!(nested.message.contains("unknown method"), "{nested}");
    let long = peer.call("x".repeat(260), ()).await;
    assert!(
        matches!(long, Err(CallError::NameTooLong { len: 260 })),
        "{long:?}"
    );
}

#[tokio::test]
async fn both_ends_serve_and_call() {
    for link in LINKS_AND_PROXY {
        let (left, right) = connected(link, &served(), &served()).await;
        tokio::join!(say_what_they_say(&left), say_what_they_say(&right));
        idle(&left).await;
        idle(&right).await;
    }
}

/// CH-T23.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_both_ways_at_once() {
    for link in LINKS_AND_PROXY {
        let (left, right) = connected(link, &served(), &served()).await;
        let mut calls = JoinSet::new();
        for number in 0..128 {
            for (peer, method) in [(&left, "echo"), (&right, "later")] {
                let peer = peer.clone();
                calls.spawn(async move {
                    let text = format!("{method} {number}");
                    let answer = peer.call(method, text.clone()).await;
                    assert_eq!(answer.expect("answered"), text);
                });
            }
        }
        calls.join_all().await;
        idle(&left).await;
        idle(&right).await;
    }
}

#[tokio::test]
async fn payloads_up_to_the_limit_pass_and_larger_ones_fail() {
    const LIMIT: usize = 16 << 20;
    // A request has an id, the name's length and the name before its data; a response an id and a result code.
    let room = LIMIT - 9;
    let tight = PeerBuilder::new().handle("give", |request: Request| async move {
        let size: usize = String::from_utf8_lossy(request.params())
            .parse()
            .expect("a size");
        Ok::<_, ErrorData>(vec![7; size])
    });
    let mut wide = Limits::default();
    wide.max_payload = 2 * LIMIT;
    let wide = tight.clone().limits(wide).handle("echo", echo);
    for link in LINKS_AND_PROXY {
        let (left, right) = connected(link, &served(), &wide).await;
        let other = left.call("wait", ()).start();
        for size in [0, 1, 4096, 4097, 8192, 8193, 64 << 10, 1 << 20, room] {
            let bytes: Bytes = (0..size)
                .map(|at| (at / 251 + at).to_le_bytes()[0])
                .collect();
            let answer = left.call("echo", bytes.clone()).await.expect("answered");
            assert!(answer == bytes, "{link:?} {size}");
        }
        let sent = left.call("echo", vec![0; room + 1]).await;
        assert!(
            matches!(
                sent,
                Err(CallError::TooLarge {
                    whose: chirp::LimitOwner::ThisSide,
                    ..
                })
            ),
            "{sent:?}"
        );
        let received = left.call("give", (LIMIT - 4).to_string()).await;
        let error = received.expect_err("too large");
        // The limit of a proxy is not that of the connection to it.
        let is_of_proxy = matches!(
            error,
            CallError::Rejected {
                reason: FrameworkError::InvalidResult,
                ..
            }
        );
        assert!(
            is_of_proxy && link == Link::Proxied
                || matches!(
                    error,
                    CallError::TooLarge {
                        what: chirp::PacketRole::Answer,
                        ..
                    }
                ),
            "{error:?}"
        );
        let refused = right.call("echo", vec![0; room + 1]).await;
        let error = refused.expect_err("too large");
        assert!(
            matches!(
                error,
                CallError::TooLarge {
                    what: chirp::PacketRole::Request,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(left.call("echo", "still").await.expect("answered"), "still");
        let unknown = other.await;
        assert!(
            matches!(unknown, Err(CallError::UnknownMethod { .. })),
            "{unknown:?}"
        );
    }
}

/// CH-T8.
#[tokio::test]
async fn the_fallback_sees_the_name_that_was_called() {
    for link in LINKS_AND_PROXY {
        let builder = PeerBuilder::new()
            .handle("1", |_: Request| async { Ok::<_, ErrorData>("own") })
            .fallback(|request: Request| async move {
                match request.method() {
                    b"hidden" => Reply::UnknownMethod,
                    name => Reply::Value(name.to_vec().into()),
                }
            });
        let (peer, _other) = connected(link, &PeerBuilder::new(), &builder).await;
        for (name, answer) in [("1", "own"), ("2", "2"), ("", "")] {
            assert_eq!(peer.call(name, ()).await.expect("answered"), answer);
        }
        let hidden = peer.call("hidden", ()).await;
        assert!(
            matches!(hidden, Err(CallError::UnknownMethod { .. })),
            "{hidden:?}"
        );
        let (peer, _other) = connected(link, &PeerBuilder::new(), &builder.handle("2", echo)).await;
        assert_eq!(peer.call("2", "x").await.expect("answered"), "x");
    }
}

/// A builder that records what its peer receives, in order.
fn heard() -> (PeerBuilder, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new().fallback(move |request: Request| {
        let name = String::from_utf8_lossy(request.method()).into_owned();
        sender.send(name).expect("the test listens");
        async { Ok::<_, ErrorData>(()) }
    });
    (builder, receiver)
}

#[tokio::test]
async fn a_call_is_sent_when_it_is_polled_or_started() {
    for link in LINKS_AND_PROXY {
        let (builder, mut heard) = heard();
        let (peer, _other) = connected(link, &PeerBuilder::new(), &builder).await;
        let (first, second, third) = (peer.call("1", ()), peer.call("2", ()), peer.call("3", ()));
        drop(peer.call("never", ()));
        let third = third.start();
        second.await.expect("answered");
        first.await.expect("answered");
        peer.as_caller().call_one_way("4", ()).await.expect("sent");
        let cast = peer.as_caller().call_one_way("5", ()).start();
        peer.call("6", ()).await.expect("answered");
        cast.await.expect("sent");
        third.await.expect("answered");
        for name in ["3", "2", "1", "4", "5", "6"] {
            assert_eq!(heard.recv().await.expect("heard"), name);
        }
        idle(&peer).await;
    }
}

/// A detached call is sent, runs and is not cancelled, even from a thread without a runtime (in a `Drop`, say).
#[tokio::test]
async fn a_detached_call_runs_although_nobody_awaits_it() {
    for link in LINKS_AND_PROXY {
        let (builder, mut heard) = heard();
        let (peer, _other) = connected(link, &PeerBuilder::new(), &builder).await;
        let caller = peer.as_caller();
        std::thread::spawn(move || {
            caller.call("1", ()).detach();
            caller.call_one_way("2", ()).detach();
            caller.call("3", ()).start().detach();
            caller.call_one_way("4", ()).start().detach();
            drop(caller.call("never", ()));
        })
        .join()
        .expect("nothing panics");
        for name in ["1", "2", "3", "4"] {
            assert_eq!(heard.recv().await.expect("heard"), name);
        }
        idle(&peer).await;
    }
}

#[tokio::test]
async fn the_answer_to_a_one_way_call_is_ignored() {
    for link in LINKS_AND_PROXY {
        let (builder, mut heard) = heard();
        let (peer, _other) = connected(link, &PeerBuilder::new(), &builder).await;
        for number in 0..1000 {
            peer.as_caller()
                .call_one_way(number.to_string(), ())
                .await
                .expect("sent");
        }
        for number in 0..1000 {
            assert_eq!(heard.recv().await.expect("heard"), number.to_string());
        }
        idle(&peer).await;
    }
}

/// A plain Chirp v0 peer that answers every request with `answer` of its parameters.
fn by_hand(answer: fn(&[u8]) -> Vec<u8>) -> Peer {
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    tokio::spawn(async move {
        while let Some((_, payload)) = read_packet(&mut theirs).await {
            let (id, rest) = payload.split_first_chunk().expect("an id");
            let params = &rest[1 + usize::from(rest[0])..];
            let response = response(u32::from_be_bytes(*id), 0, &answer(params));
            theirs.write_all(&response).await.expect("the peer reads");
        }
    });
    PeerBuilder::new()
        .start(Channel::io(ours))
        .expect("no duplicates")
}

#[tokio::test]
async fn only_a_valid_hello_answer_enables_extensions() {
    for link in LINKS_AND_PROXY {
        for liar in [by_hand(<[u8]>::to_vec), by_hand(|_| b"yes".to_vec())] {
            assert_eq!(liar.hello().await.expect("asked"), None);
            assert_eq!(liar.hello().await.expect("asked"), None);
            idle(&liar).await;
        }
        for builder in [PeerBuilder::new(), PeerBuilder::new().fallback(echo)] {
            let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
            let hello = peer.hello().await.expect("asked").expect("it speaks it");
            let declared = ExtensionFlags::CALL_CONTEXT
                .and(ExtensionFlags::STREAMS)
                .and(ExtensionFlags::GOING_AWAY);
            assert_eq!(hello.extensions, declared);
            // A peer that is asked learns the other side's hello, too.
            assert!(other.hello().await.expect("known").is_some());
            assert_eq!(peer.hello().await.expect("known"), Some(hello));
            idle(&peer).await;
        }
        let (peer, _other) = connected(link, &PeerBuilder::new(), &served()).await;
        let refused = peer.call(HELLO_METHOD, "nonsense").await;
        assert!(
            matches!(refused, Err(CallError::ReservedName)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn handlers_start_in_order_of_arrival() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&order);
    let builder = PeerBuilder::new().fallback(move |request: Request| {
        let list = Arc::clone(&list);
        async move {
            let number: u32 = String::from_utf8_lossy(request.params())
                .parse()
                .expect("a number");
            list.lock().expect("no panics").push(number);
            if number.is_multiple_of(3) {
                std::future::pending::<()>().await;
            }
            Ok::<_, ErrorData>(())
        }
    });
    let (peer, _other) = connected(Link::Unix, &PeerBuilder::new(), &builder).await;
    let calls: Vec<_> = (0..3000_u32)
        .map(|number| peer.call("x", number.to_string()).start())
        .collect();
    while order.lock().expect("no panics").len() < 3000 {
        tokio::task::yield_now().await;
    }
    let numbers = order.lock().expect("no panics").clone();
    assert!(numbers.is_sorted(), "{numbers:?}");
    drop(calls);
    idle(&peer).await;
}
