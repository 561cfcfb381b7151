//! Packets of the application's own types (CH-48 to CH-53), through the public API.

use std::future::pending;

#[cfg(feature = "websocket")]
use crate::support::Link;
use crate::support::{LINKS, connected};
use chirp::packet::{ErrorData, PacketType};
use chirp::{CallContext, CallError, ConnectionError, PeerBuilder, Request};
use tokio::sync::mpsc;

const PROGRESS: PacketType = PacketType(128);
const OTHER: PacketType = PacketType(65_535);

/// A builder whose peers forward received packets to the test.
fn listening(kind: PacketType) -> (PeerBuilder, mpsc::UnboundedReceiver<bytes::Bytes>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new().handle_packet(kind, move |_, payload| {
        let sent = sender.send(payload).map_err(|_| "nobody listens");
        async move { sent }
    });
    (builder, receiver)
}

/// CH-T19, CH-48: packets in both directions are handled in order; unhandled types are discarded.
#[tokio::test]
async fn packets_arrive_in_order_and_unhandled_types_are_discarded() {
    for link in LINKS {
        let (serving, mut heard) = listening(PROGRESS);
        let (a, _b) = connected(link, &PeerBuilder::new(), &serving).await;
        for n in 0..10_000_u32 {
            a.send_packet(OTHER, n.to_be_bytes().to_vec())
                .await
                .expect("sent");
            a.send_packet(PROGRESS, n.to_be_bytes().to_vec())
                .await
                .expect("sent");
        }
        for n in 0..10_000_u32 {
            assert_eq!(heard.recv().await.expect("a packet"), n.to_be_bytes()[..]);
        }
    }
}

/// CH-T58: a packet handler may call the other side, and may send packets.
#[tokio::test]
async fn a_packet_handler_may_call_and_send() {
    for link in LINKS {
        let (serving, mut heard) = listening(PROGRESS);
        let serving = serving.handle("name", |_: Request| async { Ok::<_, ErrorData>("ann") });
        let asks = PeerBuilder::new().handle_packet(OTHER, |cx: CallContext, payload| async move {
            let name = cx.caller().call("name", ()).await?;
            cx.caller()
                .call_one_way("noted", [&name[..], &payload[..]].concat())
                .await
        });
        let serving = serving.handle("noted", |request: Request| async move {
            assert_eq!(request.params(), b"ann!");
            Ok::<_, ErrorData>(())
        });
        let (a, b) = connected(link, &serving, &asks).await;
        a.send_packet(OTHER, "!").await.expect("sent");
        b.send_packet(PROGRESS, "done").await.expect("sent");
        assert_eq!(heard.recv().await.expect("a packet"), "done");
    }
}

/// CH-53, CH-T30: an error or a panic of a packet handler ends the session, on both sides.
#[tokio::test]
async fn a_packet_handler_that_fails_ends_the_session() {
    for link in LINKS {
        let fails =
            PeerBuilder::new().handle_packet(PROGRESS, |_, _| async { Err("I can't go on") });
        let panics =
            PeerBuilder::new().handle_packet(PROGRESS, |_, payload: bytes::Bytes| async move {
                assert!(payload.is_empty(), "there is something in it");
                Ok::<_, String>(())
            });
        for (builder, text) in [
            (fails, "I can't go on"),
            (panics, "there is something in it"),
        ] {
            let (a, b) = connected(link, &PeerBuilder::new(), &builder).await;
            let waiting = a.call("nothing", ()).start();
            a.send_packet(PROGRESS, "x").await.expect("sent");
            let ConnectionError::PacketHandler { kind, message } = b.closed().await else {
                panic!("{}", b.closed().await)
            };
            assert_eq!(kind, PROGRESS);
            assert!(message.contains(text), "{message}");
            match (link, a.closed().await) {
                // A Close frame says that the other side failed, and not how.
                #[cfg(feature = "websocket")]
                (Link::WebSocket, ConnectionError::Channel(told)) => {
                    assert!(told.to_string().contains("a handler failed"), "{told}");
                }
                (_, reason) => assert!(matches!(reason, ConnectionError::ClosedByPeer)),
            }
            drop(waiting);
            let sent = a.send_packet(PROGRESS, "again").await;
            assert!(
                matches!(sent, Err(CallError::ConnectionLost(_))),
                "{sent:?}"
            );
        }
    }
}

/// CH-T33: the protocol's own packet types can be neither sent nor handled.
#[tokio::test]
async fn reserved_types_are_refused() {
    for link in LINKS {
        let (a, _b) = connected(link, &PeerBuilder::new(), &PeerBuilder::new()).await;
        for kind in [0, 2, 3, 4, 127, 0xC700, 0xC70F].map(PacketType) {
            let sent = a.send_packet(kind, ()).await;
            assert!(
                matches!(sent, Err(CallError::ReservedType { .. })),
                "{kind:?}: {sent:?}"
            );
            let handled = std::panic::catch_unwind(|| {
                PeerBuilder::new().handle_packet(kind, |_, _| async { Ok::<_, String>(()) })
            });
            assert!(handled.is_err(), "{kind:?} can be handled");
        }
    }
}

/// A side that waits for a response may not pause reading. Unhandled packets then end the session before they hold more
/// than twice the watermark.
#[tokio::test]
async fn unhandled_packets_are_bounded() {
    for link in LINKS {
        let stuck =
            PeerBuilder::new().handle_packet(PROGRESS, |_, _| pending::<Result<(), String>>());
        let (begins, mut begun) = mpsc::unbounded_channel();
        let silent = PeerBuilder::new().handle("wait", move |_: Request| {
            begins.send(()).expect("the test waits for it");
            pending::<ErrorData>()
        });
        let (a, b) = connected(link, &silent, &stuck).await;
        let waiting = b.call("wait", ()).start();
        begun.recv().await.expect("the call runs");
        loop {
            if a.send_packet(PROGRESS, vec![0; 1 << 20]).await.is_err() {
                break;
            }
        }
        let ConnectionError::Flooded { held } = b.closed().await else {
            panic!("{}", b.closed().await)
        };
        assert!(
            (64 << 20..70 << 20).contains(&held),
            "{held} bytes were held"
        );
        drop(waiting);
    }
}
