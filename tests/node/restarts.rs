//! Processes that restart under their name, and two that claim one name.

use std::time::Duration;

use chirp::{NodeEvent, RefusalReason, SharedMetrics};
use tokio::time::Instant;

use crate::nodes::{ArithClient, address, connected, event, node, refused, sees};
use crate::raw::{Raw, join};
use crate::support::{in_time, on_both_runtimes, response};

/// A process whose connection is half-open: it has joined, and does not answer any more.
async fn silent(address: &str, name: &str, to: &str) -> tokio::task::JoinHandle<()> {
    let mut raw = Raw::connect(address).await;
    let (code, data) = in_time(raw.join(&join(name, to, 7, 1))).await;
    assert_eq!((code, data[0]), (0, 0));
    tokio::spawn(raw.ignore())
}

#[test]
fn a_process_that_does_not_answer_is_replaced_within_a_second() {
    on_both_runtimes(async || {
        let address = address();
        let alpha = node("alpha").listen(&address).start().await.unwrap();
        let mut events = alpha.watch();
        let old = silent(&address, "beta", "alpha").await;
        sees(&alpha, &["beta"]).await;
        let beta = node("beta")
            .connect("alpha", &address)
            .start()
            .await
            .unwrap();
        // Connected means callable, in both directions.
        connected(&beta, "alpha").await;
        let name = in_time(ArithClient::new(&alpha.peer("beta").fail_fast()).name()).await;
        assert_eq!(name.unwrap(), "beta");
        event(&mut events, |event| {
            matches!(event, NodeEvent::Replaced { .. }).then_some(())
        })
        .await;
        in_time(old).await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_probe_takes_a_second() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let _old = silent(&address, "beta", "alpha").await;
    sees(&alpha, &["beta"]).await;
    let began = Instant::now();
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    connected(&beta, "alpha").await;
    assert_eq!(began.elapsed().as_secs(), 1);
}

#[tokio::test]
async fn the_second_of_two_living_processes_is_refused() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let first = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    connected(&first, "alpha").await;
    let second = node("beta").start().await.unwrap();
    let mut told = second.watch();
    second.connect("alpha", &address).unwrap();
    let (refusal, here) = refused(&mut told).await;
    assert!(!here);
    assert_eq!(refusal.reason, RefusalReason::NameTaken);
    assert!(refusal.message.contains("\"beta\""), "{refusal}");
    // The first is not disturbed, and the second takes over when it has gone.
    in_time(ArithClient::new(&alpha.peer("beta")).name())
        .await
        .unwrap();
    first.close();
    connected(&second, "alpha").await;
}

#[tokio::test]
async fn links_that_are_made_again_are_counted() {
    let address = address();
    let metrics = SharedMetrics::new();
    let counted = || metrics.snapshot().connections;
    let shared = metrics.clone();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let beta = node("beta")
        .configure_peers(move |peers| peers.metrics(&shared))
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    let link = connected(&beta, "alpha").await;
    assert_eq!((counted().reconnect_attempts, counted().reconnects), (0, 0));
    alpha.close();
    in_time(link.closed()).await;
    let _alpha = in_time(async {
        loop {
            // The address is free when the first process has ended.
            match node("alpha").listen(&address).start().await {
                Ok(alpha) => return alpha,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    in_time(async {
        while counted().reconnects == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(counted().reconnects, 1);
    assert!(counted().reconnect_attempts >= 1);
    connected(&beta, "alpha").await;
}

#[tokio::test]
async fn a_peer_of_plain_v0_joins_calls_and_is_called() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut raw = Raw::connect(&address).await;
    let (code, data) = in_time(raw.join(&join("hand", "alpha", 7, 1))).await;
    assert_eq!(code, 0);
    assert!(data.starts_with(b"\0\x01\x05alpha\x04test"), "{data:?}");
    raw.send(&crate::support::request(2, "Arith.name", &[]))
        .await;
    let mut name = None;
    let call = tokio::spawn(ArithClient::new(&alpha.peer("hand")).name().start());
    let answers = async {
        let mut is_called = false;
        while name.is_none() || !is_called {
            let (kind, payload) = crate::support::read_packet(&mut raw.reader).await.unwrap();
            if kind == chirp::packet::PacketType::RESPONSE {
                name = Some(payload[5..].to_vec());
            } else if payload[5..].starts_with(b"Arith.name") {
                let id = u32::from_be_bytes(payload[..4].try_into().unwrap());
                raw.send(&response(id, 0, b"\x04hand")).await;
                is_called = true;
            }
        }
    };
    in_time(answers).await;
    assert_eq!(name.as_deref(), Some(&b"\x05alpha"[..]));
    assert_eq!(in_time(call).await.unwrap().unwrap(), "hand");
    // A connection joins once.
    raw.send(&crate::support::request(
        9,
        "chirp.node.join",
        &join("hand", "alpha", 7, 2),
    ))
    .await;
    let again = in_time(async {
        loop {
            let (id, code, data) = raw.next_response().await.unwrap();
            if id == 9 {
                return (code, data);
            }
        }
    });
    let (code, data) = again.await;
    assert_eq!((code, &data[..2]), (0, &[1, 10][..]));
}

#[tokio::test]
async fn invalid_joins_are_refused() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut events = alpha.watch();
    for params in [
        vec![],
        vec![0xff; 20],
        join("", "alpha", 7, 1),
        join("a\nb", "alpha", 7, 1),
        [vec![0], join("x", "alpha", 7, 1)[1..].to_vec()].concat(),
        vec![0; 20_000],
    ] {
        let mut raw = Raw::connect(&address).await;
        let (code, data) = in_time(raw.join(&params)).await;
        assert_eq!((code, &data[..2]), (0, &[1, 10][..]), "{params:?}");
        let (refusal, here) = refused(&mut events).await;
        assert!(here);
        assert_eq!(refusal.reason, RefusalReason::Invalid);
    }
    tokio::time::timeout(Duration::from_millis(1), events.recv())
        .await
        .unwrap_err();
    assert!(alpha.peers().is_empty());
}
