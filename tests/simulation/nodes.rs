//! Nodes that lose each other, crash and come back: when the faults are over, each reaches each other one.

use std::time::Duration;

use chirp::{Node, RetryPolicy, SharedMetrics};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::ledger::{Ledger, Promise, WorkClient, WorkServer, result_of};
use super::network::Network;
use super::rng::Rng;
use super::{WATCH, for_each_seed, until_idle};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Nodes that can reach each other do so within this time, whatever was before.
const REUNION: Duration = Duration::from_mins(1);

#[test]
fn nodes_reach_each_other_again_after_any_faults() {
    for_each_seed("nodes_reach", simulate);
}

struct World {
    network: Network,
    ledger: Ledger,
    metrics: SharedMetrics,
    nodes: Vec<Node>,
    /// Which nodes have been shut down or have crashed.
    is_down: [bool; 3],
}

impl World {
    async fn start(&self, name: &str) -> Node {
        let metrics = self.metrics.clone();
        let mut node = Node::builder(name)
            .scheme("sim", self.network.at(name))
            .service(WorkServer::new(self.ledger.clone()))
            .configure_peers(move |peers| peers.keep_alive(WATCH).metrics(&metrics))
            .backoff(Duration::from_millis(5), Duration::from_millis(500))
            .listen(format!("sim://{name}"));
        for other in NAMES.iter().filter(|other| **other != name) {
            node = node.connect(*other, format!("sim://{other}"));
        }
        node.start().await.expect("a node")
    }

    /// Makes a call from each node to each other one. Returns the calls.
    fn call_all(&self, rng: &mut Rng) -> JoinSet<()> {
        let mut calls = JoinSet::new();
        for node in &self.nodes {
            for to in NAMES.iter().filter(|to| **to != &**node.name()) {
                let (peer, ledger) = (node.peer(to), self.ledger.clone());
                let (limit, work) = (rng.millis(1, 4000), rng.below(100));
                calls.spawn(async move {
                    let id = ledger.next_id();
                    let outcome = WorkClient::new(&peer).once(id, work).timeout(limit).await;
                    ledger.promise(
                        id,
                        match outcome {
                            Ok(result) => {
                                assert_eq!(result, result_of(id));
                                Promise::Ran { idempotent: false }
                            }
                            Err(error) if error.may_have_run() => {
                                Promise::Unknown { idempotent: false }
                            }
                            Err(_) => Promise::NotRun,
                        },
                    );
                });
            }
        }
        calls
    }

    async fn disturb(&mut self, rng: &mut Rng) {
        let at = usize::try_from(rng.below(3)).expect("few");
        let (name, other) = (NAMES[at], NAMES[(at + 1) % 3]);
        match rng.below(6) {
            0 => self.network.set_latency(rng.millis(0, 40)),
            1 => self.network.partition(name, other, true),
            2 => {
                self.network.partition(name, other, true);
                sleep(rng.millis(1, 9000)).await;
                self.network.partition(name, other, false);
            }
            3 => {
                self.nodes[at].shutdown(Duration::from_secs(5)).await;
                self.is_down[at] = true;
            }
            _ => {
                self.network.crash(name, rng.percent(50));
                self.nodes[at].close();
                self.is_down[at] = true;
            }
        }
        sleep(rng.millis(0, 3000)).await;
        if rng.percent(50) {
            self.start_those_down().await;
        }
    }

    async fn start_those_down(&mut self) {
        for (at, name) in NAMES.into_iter().enumerate() {
            if std::mem::take(&mut self.is_down[at]) {
                self.nodes[at] = self.start(name).await;
            }
        }
    }
}

async fn simulate(seed: u64) -> usize {
    let mut rng = Rng::new(seed);
    let mut world = World {
        network: Network::new(seed),
        ledger: Ledger::default(),
        metrics: SharedMetrics::new(),
        nodes: Vec::new(),
        is_down: [false; 3],
    };
    for name in NAMES {
        let node = world.start(name).await;
        world.nodes.push(node);
    }
    let mut calls = JoinSet::new();
    for _ in 0..2 + rng.below(8) {
        let mut more = world.call_all(&mut rng);
        calls.spawn(async move { while more.join_next().await.is_some() {} });
        sleep(rng.millis(0, 2000)).await;
        world.disturb(&mut rng).await;
    }
    // All nodes run, and the network is whole.
    for at in 0..3 {
        world
            .network
            .partition(NAMES[at], NAMES[(at + 1) % 3], false);
    }
    world.start_those_down().await;
    while let Some(ended) = calls.join_next().await {
        ended.expect("no call panics");
    }
    for from in &world.nodes {
        for to in NAMES.iter().filter(|to| **to != &**from.name()) {
            let id = world.ledger.next_id();
            let peer = from.peer(to);
            let client = WorkClient::new(&peer);
            // The connection may be one whose loss is not known yet.
            let policy = RetryPolicy::new().attempts(5);
            let called = timeout(REUNION, client.again(id, 0).retry(&policy)).await;
            assert!(
                matches!(called, Ok(Ok(_))),
                "{} to {to}: {called:?}",
                from.name()
            );
            world.ledger.promise(id, Promise::Ran { idempotent: true });
        }
    }
    for node in &world.nodes {
        node.shutdown(Duration::from_secs(5)).await;
    }
    until_idle(&world.metrics).await;
    world.ledger.check()
}
