//! A network of hosts in one process, on simulated time.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chirp::channel::{Channel, Endpoint, Listener, OtherAddress, Scheme};
use tokio::sync::{mpsc, watch};

use super::pipe::Pipe;
use super::rng::Rng;

/// The hosts, their connections, and what is wrong with them.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<Hosts>>);

struct Hosts {
    rng: Rng,
    listeners: HashMap<String, mpsc::UnboundedSender<Channel>>,
    connections: Vec<Link>,
    partitions: HashSet<(String, String)>,
    /// Changes with each partition, so that connects try again.
    changes: watch::Sender<u64>,
    latency: Duration,
}

/// A connection between two hosts.
struct Link {
    hosts: [String; 2],
    pipes: [Pipe; 2],
    /// Whether one of the hosts has vanished without a word.
    is_half_open: bool,
}

fn pair(one: &str, other: &str) -> (String, String) {
    let (one, other) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    (one.to_owned(), other.to_owned())
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Hosts {
            rng: Rng::new(seed ^ 0xBEEF),
            listeners: HashMap::new(),
            connections: Vec::new(),
            partitions: HashSet::new(),
            changes: watch::Sender::new(0),
            latency: Duration::from_millis(1),
        })))
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.0.lock().expect("no step panics inside")
    }

    /// The scheme `sim` as a host sees it.
    pub(crate) fn at(&self, host: &str) -> SimulatedHost {
        SimulatedHost {
            network: self.clone(),
            name: host.to_owned(),
        }
    }

    /// Holds up everything between two hosts, or lets it go on.
    pub(crate) fn partition(&self, one: &str, other: &str, is: bool) {
        let pair = pair(one, other);
        let mut hosts = self.hosts();
        if is {
            hosts.partitions.insert(pair.clone());
        } else {
            hosts.partitions.remove(&pair);
        }
        let affected = hosts.connections.iter().filter(|link| {
            let [one, other] = &link.hosts;
            *one == pair.0 && *other == pair.1 || *one == pair.1 && *other == pair.0
        });
        let pipes: Vec<_> = affected.flat_map(|link| link.pipes.clone()).collect();
        hosts.changes.send_modify(|changes| *changes += 1);
        drop(hosts);
        for pipe in &pipes {
            pipe.partition(is);
        }
    }

    /// Ends all connections of a host: with a reset, or without a word to the other hosts.
    pub(crate) fn crash(&self, host: &str, is_silent: bool) {
        let mut hosts = self.hosts();
        hosts.listeners.remove(host);
        let mut lost = Vec::new();
        for link in &mut hosts.connections {
            if link.hosts.iter().any(|name| name == host) {
                link.is_half_open |= is_silent;
                lost.push(link.pipes.clone());
            }
        }
        if !is_silent {
            hosts
                .connections
                .retain(|link| link.hosts.iter().all(|name| name != host));
        }
        drop(hosts);
        for pipe in lost.iter().flatten() {
            if is_silent {
                pipe.vanish();
            } else {
                pipe.reset();
            }
        }
    }

    /// A host that is back resets the connections that it does not know.
    fn come_back(&self, host: &str) {
        let mut hosts = self.hosts();
        let unknown = hosts.connections.extract_if(.., |link| {
            link.is_half_open && link.hosts.iter().any(|name| name == host)
        });
        let pipes: Vec<_> = unknown.flat_map(|link| link.pipes).collect();
        drop(hosts);
        pipes.iter().for_each(Pipe::reset);
    }

    /// Sets the latency of connections, old and new.
    pub(crate) fn set_latency(&self, latency: Duration) {
        let mut hosts = self.hosts();
        hosts.latency = latency;
        for pipe in hosts.connections.iter().flat_map(|link| &link.pipes) {
            pipe.slow_down(latency);
        }
    }

    pub(crate) async fn connect(&self, from: &str, to: &str) -> io::Result<Channel> {
        // Later connects may be faster.
        let delay = {
            let mut hosts = self.hosts();
            let factor = u32::try_from(1 + hosts.rng.below(4)).expect("few");
            hosts.latency * factor
        };
        tokio::time::sleep(delay).await;
        let mut changes = self.hosts().changes.subscribe();
        while self.hosts().partitions.contains(&pair(from, to)) {
            // The network lives as long as its hosts.
            let _ = changes.changed().await;
        }
        let mut hosts = self.hosts();
        let Some(listener) = hosts.listeners.get(to).cloned() else {
            return Err(ErrorKind::ConnectionRefused.into());
        };
        let pipes = [Pipe::new(hosts.latency), Pipe::new(hosts.latency)];
        let (near_reader, far_writer) = pipes[0].ends();
        let (far_reader, near_writer) = pipes[1].ends();
        hosts.connections.push(Link {
            hosts: [from.to_owned(), to.to_owned()],
            pipes,
            is_half_open: false,
        });
        drop(hosts);
        let far = Channel::new(far_reader, far_writer);
        listener
            .send(far)
            .map_err(|_| ErrorKind::ConnectionRefused)?;
        Ok(Channel::new(near_reader, near_writer))
    }
}

/// The network as seen from one host.
pub(crate) struct SimulatedHost {
    network: Network,
    name: String,
}

#[async_trait]
impl Scheme for SimulatedHost {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        let to = address.rest().trim_start_matches('/');
        self.network.connect(&self.name, to).await
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        self.network.come_back(&self.name);
        let (sender, receiver) = mpsc::unbounded_channel();
        self.network
            .hosts()
            .listeners
            .insert(self.name.clone(), sender);
        let endpoint = address.as_str().parse().map_err(io::Error::other)?;
        Ok(Box::new(SimulatedListener { endpoint, receiver }))
    }
}

struct SimulatedListener {
    endpoint: Endpoint,
    receiver: mpsc::UnboundedReceiver<Channel>,
}

#[async_trait]
impl Listener for SimulatedListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        match self.receiver.recv().await {
            Some(channel) => Ok(channel),
            None => std::future::pending().await,
        }
    }
}
