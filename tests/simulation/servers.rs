//! Servers that restart in order, crash, or cannot be reached.

use std::time::Duration;

use chirp::{Server, SharedMetrics};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::WATCH;
use super::ledger::{Ledger, WorkServer};
use super::network::Network;
use super::rng::Rng;

/// The time that a server waits for its calls when it shuts down.
const SHUTDOWN: Duration = Duration::from_secs(20);

pub(crate) struct Servers {
    network: Network,
    ledger: Ledger,
    metrics: SharedMetrics,
    running: Vec<Running>,
}

/// A running server, how to shut it down, and its end.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Servers {
    pub(crate) async fn new(
        network: &Network,
        ledger: &Ledger,
        metrics: &SharedMetrics,
        count: u64,
    ) -> Self {
        let mut servers = Self {
            network: network.clone(),
            ledger: ledger.clone(),
            metrics: metrics.clone(),
            running: Vec::new(),
        };
        for at in 0..count {
            let running = servers.start(at).await;
            servers.running.push(running);
        }
        servers
    }

    pub(crate) fn count(&self) -> u64 {
        self.running.len() as u64
    }

    /// The name of a server's host.
    pub(crate) fn host(at: u64) -> String {
        format!("server{at}")
    }

    async fn start(&self, at: u64) -> Running {
        let metrics = self.metrics.clone();
        let server = Server::builder()
            .service(WorkServer::new(self.ledger.clone()))
            .scheme("sim", self.network.at(&Self::host(at)))
            .configure_peers(move |peers| peers.keep_alive(WATCH).metrics(&metrics))
            .shutdown_timeout(SHUTDOWN)
            .bind(format!("sim://{}", Self::host(at)))
            .await
            .expect("the address is free");
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(server.run_until(stopped));
        Running { stop, ended }
    }

    /// Does something to a server or the network.
    pub(crate) async fn disturb(&mut self, rng: &mut Rng, clients: &[String], is_calm: bool) {
        let at = rng.below(self.count());
        let index = usize::try_from(at).expect("few");
        let client = &clients[usize::try_from(rng.below(clients.len() as u64)).expect("few")];
        match rng.below(if is_calm { 4 } else { 10 }) {
            0 => self.network.set_latency(rng.millis(0, 60)),
            1 => {}
            2 | 3 => {
                let old = self.running.swap_remove(index);
                // It may have ended on its own only at the end of the simulation.
                let _ = old.stop.send(());
                if rng.percent(50) {
                    old.ended.await.expect("it does not panic");
                    sleep(rng.millis(0, 1000)).await;
                }
                let new = self.start(at).await;
                self.running.push(new);
                let last = self.running.len() - 1;
                self.running.swap(index, last);
            }
            4 | 5 => {
                self.network.partition(client, &Self::host(at), true);
                sleep(rng.millis(1, 12_000)).await;
                self.network.partition(client, &Self::host(at), false);
            }
            6 => {
                // Until the next healing.
                self.network.partition(client, &Self::host(at), true);
            }
            7 => self.heal(clients),
            _ => {
                let is_silent = rng.percent(50);
                self.network.crash(&Self::host(at), is_silent);
                self.running[index].ended.abort();
                sleep(rng.millis(0, 8000)).await;
                self.running[index] = self.start(at).await;
            }
        }
    }

    /// Ends all partitions.
    pub(crate) fn heal(&self, clients: &[String]) {
        for client in clients {
            for at in 0..self.count() {
                self.network.partition(client, &Self::host(at), false);
            }
        }
    }

    pub(crate) async fn stop_all(&mut self) {
        for running in self.running.drain(..) {
            let _ = running.stop.send(());
            running.ended.await.expect("it does not panic");
        }
    }
}
