//! Nodes that have ended leave no descriptors, tasks or services.
//!
//! This test has a process of its own, so that it can count descriptors exactly. `CHIRP_LIVES` sets the number of starts; the
//! default is 1,000.

mod support;

use std::sync::{Arc, Weak};
use std::time::Duration;

use chirp::{AddressList, Node, NodeBuilder};
use support::socket_path;
use tokio::runtime::{Builder, Handle};

/// Much longer than any step takes: an end that hangs fails.
const LONG: Duration = Duration::from_mins(1);

#[chirp::service]
trait Echo {
    async fn echo(&self, text: String) -> String;
}

/// A service that keeps its own node.
struct Keeping {
    _kept: Arc<()>,
    _node: Arc<std::sync::OnceLock<Node>>,
}

impl Echo for Keeping {
    async fn echo(&self, text: String) -> String {
        text
    }
}

async fn start(builder: NodeBuilder, services: &mut Vec<Weak<()>>) -> Node {
    let (kept, own) = (Arc::new(()), Arc::new(std::sync::OnceLock::new()));
    services.push(Arc::downgrade(&kept));
    let service = Keeping {
        _kept: kept,
        _node: Arc::clone(&own),
    };
    let node = builder.network("leaks").service(EchoServer::new(service));
    let node = node.start().await.expect("started");
    own.set(node.clone()).expect("once");
    node
}

async fn come_and_go(address: impl Fn() -> String, many: usize) {
    let descriptors = || {
        std::fs::read_dir("/proc/self/fd")
            .expect("a system with /proc")
            .count()
    };
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = (descriptors(), tasks(), 0);
    let mut services = Vec::new();
    for number in 0..many / 2 {
        let alpha = Node::builder("alpha").listen(address());
        let alpha = start(alpha, &mut services).await;
        let found = alpha.addresses().remove(0);
        let list = AddressList::new();
        list.set("alpha", [&found]).expect("an address");
        let beta = Node::builder("beta")
            .connect("alpha", &found)
            .connect("nobody", "inproc://nobody is here")
            .discovery(list);
        let beta = start(beta, &mut services).await;
        let client = EchoClient::new(&beta.peer("alpha"));
        let answer = client.echo(number.to_string()).timeout(LONG).await;
        assert_eq!(answer.expect("answered"), number.to_string());
        match number % 3 {
            0 => beta.close(),
            1 => beta.shutdown(Duration::ZERO).await,
            _ => beta.disconnect("alpha").await.expect("known"),
        }
        alpha.close();
        beta.close();
    }
    let left = || {
        let services = services.iter().map(Weak::strong_count).sum::<usize>();
        (descriptors(), tasks(), services)
    };
    let ended = tokio::time::timeout(LONG, async {
        while left() != before {
            tokio::task::yield_now().await;
        }
    });
    if ended.await.is_err() {
        assert_eq!(left(), before, "descriptors, tasks, services");
    }
}

#[test]
fn a_thousand_starts_of_nodes_leave_no_resources() {
    let many = std::env::var("CHIRP_LIVES").ok();
    let many: usize = many.map_or(1000, |many| many.parse().expect("a number"));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        come_and_go(|| "tcp://127.0.0.1:0".to_owned(), many / 2).await;
        let unix = || format!("unix://{}", socket_path().display());
        come_and_go(unix, many - many / 2).await;
    });
}
