//! Discovery of addresses.

use std::time::Duration;

use async_trait::async_trait;
use chirp::channel::Endpoint;
use chirp::{AddressList, Discovered, Discovery, NodeState};

use crate::nodes::{address, node, sees, state};
use crate::support::in_time;

#[tokio::test]
async fn a_list_may_change_while_nodes_use_it() {
    let list = AddressList::new();
    let (one, other) = (address(), address());
    let alpha = node("alpha").listen(&one).start().await.unwrap();
    // Set before the node starts, and after.
    list.set("alpha", [&one]).unwrap();
    let beta = node("beta").discovery(list.clone()).start().await.unwrap();
    sees(&beta, &["alpha"]).await;
    let gamma = node("gamma").listen(&other).start().await.unwrap();
    list.set("gamma", [&other]).unwrap();
    sees(&beta, &["alpha", "gamma"]).await;
    // A name that is removed keeps its link, and is not dialled any more.
    list.remove("gamma");
    list.set("delta", ["inproc://nowhere"]).unwrap();
    state(&beta, "delta", |state| *state != NodeState::Unknown).await;
    sees(&beta, &["alpha", "gamma"]).await;
    assert!(beta.peer("gamma").info().addresses.is_empty());
    gamma.close();
    sees(&beta, &["alpha"]).await;
    assert!(list.set("x", ["nonsense"]).is_err());
    drop(alpha);
}

#[test]
fn what_a_discovery_knows_is_known_after_the_start() {
    crate::support::on_both_runtimes(async || {
        let list = AddressList::new();
        for index in 0..20 {
            list.set(format!("n{index}"), [address()]).unwrap();
        }
        let alpha = node("alpha").discovery(list.clone()).start().await.unwrap();
        assert_eq!(alpha.peers().len(), 20);
    });
}

/// Finds the same again and again.
struct Endless;

#[async_trait]
impl Discovery for Endless {
    async fn next(&mut self) -> Option<Discovered> {
        Some(Discovered::Lost { name: "x".into() })
    }
}

#[tokio::test]
async fn a_discovery_that_never_waits_does_not_stop_the_node() {
    let address = address();
    let alpha = node("alpha").discovery(Endless).listen(&address);
    let alpha = alpha.start().await.unwrap();
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    sees(&beta, &["alpha"]).await;
    drop(alpha);
}

/// F3.
#[tokio::test]
async fn what_is_found_does_not_undo_a_disconnect() {
    let list = AddressList::new();
    let (one, other) = (address(), address());
    let alpha = node("alpha")
        .listen(&one)
        .listen(&other)
        .start()
        .await
        .unwrap();
    list.set("alpha", [&one]).unwrap();
    let beta = node("beta").discovery(list.clone()).start().await.unwrap();
    sees(&beta, &["alpha"]).await;
    let is_disconnected = |state: &NodeState| matches!(state, NodeState::Disconnected { .. });
    for by_beta in [true, false] {
        let (from, to) = if by_beta {
            (&beta, "alpha")
        } else {
            (&alpha, "beta")
        };
        in_time(from.disconnect(to)).await.unwrap();
        state(&beta, "alpha", is_disconnected).await;
        list.set("alpha", [&other]).unwrap();
        list.set("alpha", [&one, &other]).unwrap();
        in_time(async {
            while beta.peer("alpha").info().addresses.len() < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        state(&beta, "alpha", is_disconnected).await;
        list.set("alpha", [&one]).unwrap();
        in_time(async {
            while beta.peer("alpha").info().addresses.len() > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // The program may.
        if !by_beta {
            alpha.reconnect("beta").unwrap();
        }
        beta.reconnect("alpha").unwrap();
        sees(&beta, &["alpha"]).await;
    }
}

/// Finds what must not be dialled, and then panics.
struct Hostile(usize);

#[async_trait]
impl Discovery for Hostile {
    async fn next(&mut self) -> Option<Discovered> {
        self.0 += 1;
        let endpoint = |text: &str| text.parse::<Endpoint>().unwrap();
        let (name, addresses) = match self.0 {
            1 => (
                "beta",
                vec![endpoint("exec:false"), endpoint("stdio:"), endpoint("fd:3")],
            ),
            2 => ("", vec![endpoint("tcp://127.0.0.1:1")]),
            3 => ("alpha", vec![endpoint("tcp://127.0.0.1:1")]),
            4 => ("gamma", vec![endpoint("tls://127.0.0.1:1")]),
            5 => ("last", vec![endpoint("inproc://nowhere"); 100]),
            _ => panic!("a discovery of the program"),
        };
        let name = name.to_owned();
        Some(Discovered::Found { name, addresses })
    }
}

#[tokio::test]
async fn a_discovery_cannot_start_programs_or_break_the_node() {
    let list = AddressList::new();
    let address = address();
    let other = node("other").listen(&address).start().await.unwrap();
    let builder = node("alpha").discovery(Hostile(0)).discovery(list.clone());
    let alpha = builder.start().await.unwrap();
    state(&alpha, "last", |state| *state != NodeState::Unknown).await;
    let known: Vec<_> = alpha.peers().into_iter().map(|peer| peer.name).collect();
    assert_eq!(known, ["last".into()]);
    list.set("other", [&address]).unwrap();
    sees(&alpha, &["other"]).await;
    sees(&other, &["alpha"]).await;
}

#[cfg(feature = "mdns")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_network_find_each_other_by_multicast_dns() {
    use chirp::Mdns;

    let network = format!("test {}", std::process::id());
    let start = async |name: &'static str, network: &str| {
        let builder = node(name).network(network).listen("tcp://127.0.0.1:0");
        let builder = builder.discovery(Mdns::loopback().unwrap());
        builder.start().await.unwrap()
    };
    let alpha = start("alpha", &network).await;
    let stranger = start("stranger", "another network").await;
    let beta = start("beta", &network).await;
    // The announcement takes a second.
    sees(&alpha, &["beta"]).await;
    sees(&beta, &["alpha"]).await;
    beta.shutdown(Duration::from_secs(10)).await;
    sees(&alpha, &[]).await;
    // It says goodbye, so that its address is not dialled any more.
    let lost = async {
        while !alpha.peer("beta").info().addresses.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_time(lost).await;
    assert!(stranger.peers().is_empty());
}
