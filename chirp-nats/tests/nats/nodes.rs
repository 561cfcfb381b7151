use std::time::Duration;

use chirp::{Node, NodeState};
use chirp_nats::{Nats, NatsNode};

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, until};

async fn node(nats: &Nats, name: &str, network: &str) -> Node {
    let node = Node::builder(name)
        .network(network)
        .service(ArithServer::new(Calculator::default()));
    node.nats(nats).start().await.expect("started")
}

fn joined(node: &Node) -> usize {
    let peers = node.peers();
    peers
        .iter()
        .filter(|peer| peer.state == NodeState::Connected)
        .count()
}

/// No node knows an address of another.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_find_each_other_through_the_cluster() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let mut connections = Vec::new();
    let mut nodes = Vec::new();
    for name in ["alpha", "beta", "gamma"] {
        let nats = process.connect().await;
        nodes.push(node(&nats, name, "prod").await);
        connections.push(nats);
    }
    let other = process.connect().await;
    let stranger = node(&other, "delta", "test").await;
    until(|| nodes.iter().all(|node| joined(node) == 2)).await;
    let beta = ArithClient::new(&nodes[0].peer("beta"));
    assert_eq!(beta.sum_diff(1, 2).await, Ok((3, -1)));
    let all = nodes[2].all().gather(ArithClient::unbound().sum_diff(1, 2));
    let answers = all.timeout(Duration::from_secs(10)).await;
    let mut from: Vec<_> = answers.iter().map(|answer| &*answer.from).collect();
    from.sort_unstable();
    assert_eq!(from, ["alpha", "beta"]);
    assert!(answers.iter().all(|answer| answer.result == Ok((3, -1))));
    assert_eq!(joined(&stranger), 0);
    for node in nodes {
        node.close();
        node.closed().await;
    }
    stranger.close();
}
