//! Ended connections leave no descriptors, tasks or services.
//!
//! This test has a process of its own, so that it can count descriptors exactly. `CHIRP_LIVES` sets the number of
//! connections; the default is 2,000.

mod support;

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use chirp::{Peer, PeerBuilder, Server, Service};
use support::socket_path;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Much longer than any step takes: an end that hangs fails.
const LONG: Duration = Duration::from_mins(1);

/// The number of concurrent connections.
const AT_ONCE: usize = 40;

#[chirp::service]
trait Side {
    /// Calls back through the client that each service keeps.
    async fn bounce(&self, word: String, left: u8) -> Option<String>;
    /// Calls `wait` on the other side, nested `left` times, and never returns.
    async fn wait(&self, left: u8);
    /// Closes the connection from a handler.
    async fn end(&self);
}

/// A peer keeps its router, the router keeps the service, and the service keeps its peer: the end must break the cycle.
struct Keeping {
    kept: Arc<Kept>,
}

struct Kept {
    peer: Peer,
    client: SideClient,
}

/// All services that were ever made.
type Born = Arc<Mutex<Vec<Weak<Kept>>>>;

impl Keeping {
    fn new(peer: &Peer, born: &Born) -> Self {
        let kept = Arc::new(Kept {
            peer: peer.clone(),
            client: SideClient::new(peer),
        });
        let mut born = born.lock().expect("no panics");
        born.push(Arc::downgrade(&kept));
        Self { kept }
    }
}

impl Side for Keeping {
    async fn bounce(&self, word: String, left: u8) -> Option<String> {
        match left.checked_sub(1) {
            Some(left) => self.kept.client.bounce(word, left).await.ok()?,
            None => Some(word),
        }
    }

    async fn wait(&self, left: u8) {
        let _kept_by_the_handler_too = Arc::clone(&self.kept);
        if let Some(left) = left.checked_sub(1) {
            let _interrupted = self.kept.client.wait(left).await;
        }
        std::future::pending::<()>().await;
    }

    async fn end(&self) {
        self.kept.peer.close();
    }
}

/// Runs one connection; calls are waiting on both sides when it ends.
async fn live(address: String, born: Born, number: usize) {
    let peer = PeerBuilder::new().connect(&address).await;
    let peer = peer.expect("connected");
    let service = SideServer::new(Keeping::new(&peer, &born));
    let registered = peer.update_routes(|router| service.register(router));
    registered.expect("it lives").expect("no duplicates");
    let client = SideClient::new(&peer);
    let waiting = client.wait(1).start();
    // Handlers start in order: once this call is answered, the others are waiting.
    let word = client.bounce(number.to_string(), 3).await;
    assert_eq!(word.expect("answered"), Some(number.to_string()));
    match number % 4 {
        0 => peer.close(),
        1 => drop(peer.shutdown(Duration::ZERO).await),
        2 => drop(client.end().await),
        // Only the services at both ends hold the connection now.
        _ => {
            drop((waiting, client));
            return peer.close();
        }
    }
    waiting.await.expect_err("the connection has ended");
}

fn open_descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("a system with /proc");
    open.count()
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn come_and_go(address: &str, many: usize) {
    let before = (open_descriptors(), alive_tasks());
    let born = Born::default();
    let made = Arc::clone(&born);
    let server = Server::builder()
        .service_with(move |peer| SideServer::new(Keeping::new(peer, &made)))
        .bind(address)
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(server.run_until(async {
        stopped.await.expect("the test says when");
    }));
    let mut lives = JoinSet::new();
    for number in 0..many {
        if lives.len() == AT_ONCE {
            lives.join_next().await.expect("one").expect("no panics");
        }
        lives.spawn(live(address.clone(), Arc::clone(&born), number));
    }
    lives.join_all().await;
    stop.send(()).expect("it runs");
    running.await.expect("no panics");

    let left = || {
        let born = born.lock().expect("no panics");
        let services: usize = born.iter().map(Weak::strong_count).sum();
        (open_descriptors(), alive_tasks(), services)
    };
    let nothing = (before.0, before.1, 0);
    let ended = tokio::time::timeout(LONG, async {
        while left() != nothing {
            tokio::task::yield_now().await;
        }
    });
    if ended.await.is_err() {
        assert_eq!(left(), nothing, "descriptors, tasks, services");
    }
    assert_eq!(born.lock().expect("no panics").len(), 2 * many);
}

#[test]
fn connections_leave_no_resources() {
    let many = std::env::var("CHIRP_LIVES").ok();
    let many: usize = many.map_or(2000, |many| many.parse().expect("a number"));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        come_and_go("tcp://127.0.0.1:0", many / 2).await;
        let path = format!("unix://{}", socket_path().display());
        come_and_go(&path, many - many / 2).await;
    });
}
