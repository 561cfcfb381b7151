use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use async_trait::async_trait;
use chirp_runtime::channel::Endpoint;
use chirp_runtime::node::{Announcement, Discovered, Discovery, NodeBuilder};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::connection::{Nats, NatsLink, soon};

/// The interval between announcements of a node.
const INTERVAL: Duration = Duration::from_secs(5);

/// A node that has said nothing for this time is lost.
const EXPIRY: Duration = Duration::from_secs(20);

/// Nodes that are remembered. More are ignored.
const MAX_NODES: usize = 4_096;

/// Addresses of a node that are remembered.
const MAX_ADDRESSES: usize = 16;

/// The longest name of a node, and the longest address, in bytes. Longer ones are ignored: what is remembered has a bound.
const MAX_TEXT: usize = 255;

/// The longest announcement in bytes. Longer ones are ignored.
const MAX_MESSAGE: usize = 16 << 10;

/// The shortest time between two answers to nodes that ask: a message of one node must not become any number of each other.
const ANSWER_PAUSE: Duration = Duration::from_millis(100);

/// Nodes that find each other through a NATS cluster.
pub trait NatsNode {
    /// Listens on an address of its own through the cluster, and finds the nodes of the same network that do so: no list of
    /// addresses is needed.
    ///
    /// ```no_run
    /// use chirp::Node;
    /// use chirp_nats::{Nats, NatsNode};
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let nats = Nats::connect("nats://127.0.0.1:4222").await?;
    /// let node = Node::builder("alpha").network("prod").nats(&nats).start().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Everybody who may send to the cluster can announce any name: use keys, unless everybody may join.
    #[must_use]
    fn nats(self, nats: &Nats) -> Self;
}

impl NatsNode for NodeBuilder {
    fn nats(self, nats: &Nats) -> Self {
        // Two processes that claim one name have different addresses.
        let inbox = nats.0.client.new_inbox();
        let id = inbox.rsplit('.').next().unwrap_or_default();
        self.scheme("nats", nats.scheme())
            .listen(format!("nats://node-{id}"))
            .discovery(NatsDiscovery::new(nats))
    }
}

/// A discovery of nodes that announce themselves in a NATS cluster.
pub struct NatsDiscovery {
    link: Arc<NatsLink>,
    found: Option<mpsc::Receiver<Discovered>>,
}

impl NatsDiscovery {
    /// Creates a discovery. A node that uses it announces its `nats:` addresses.
    pub fn new(nats: &Nats) -> Self {
        Self {
            link: Arc::clone(&nats.0),
            found: None,
        }
    }
}

impl fmt::Debug for NatsDiscovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsDiscovery").finish_non_exhaustive()
    }
}

#[async_trait]
impl Discovery for NatsDiscovery {
    fn begin(&mut self, node: &Announcement) {
        let is_own = |address: &&Endpoint| address.to_string().starts_with("nats:");
        let addresses = node.addresses.iter().filter(is_own);
        let (sender, found) = mpsc::channel(64);
        self.found = Some(found);
        let task = DiscoveryTask {
            subject: self.link.subjects.nodes(&node.network),
            own: NodeMessage {
                name: node.name.clone(),
                addresses: addresses.map(ToString::to_string).collect(),
                ..NodeMessage::default()
            },
            link: Arc::clone(&self.link),
            known: HashMap::new(),
            said: Instant::now(),
            answer_at: None,
            found: sender,
        };
        tokio::spawn(task.run());
    }

    async fn next(&mut self) -> Option<Discovered> {
        self.found.as_mut()?.recv().await
    }
}

/// A message of a node to the nodes of its network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct NodeMessage {
    name: String,
    addresses: Vec<String>,
    /// The node has just begun, and asks others to say that they are there.
    #[serde(default)]
    asks: bool,
    #[serde(default)]
    leaves: bool,
}

struct DiscoveryTask {
    link: Arc<NatsLink>,
    subject: String,
    own: NodeMessage,
    known: HashMap<String, KnownNode>,
    /// When the last announcement was sent.
    said: Instant,
    /// When to answer a node that has asked.
    answer_at: Option<Instant>,
    found: mpsc::Sender<Discovered>,
}

struct KnownNode {
    addresses: Vec<String>,
    heard: Instant,
}

impl DiscoveryTask {
    async fn run(mut self) {
        let Ok(mut messages) = self.link.client.subscribe(self.subject.clone()).await else {
            return;
        };
        self.say(NodeMessage {
            asks: true,
            ..self.own.clone()
        })
        .await;
        let mut times = interval(INTERVAL);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        times.reset();
        let over = self.found.clone();
        loop {
            tokio::select! {
                () = over.closed() => break,
                message = next(&mut messages) => {
                    let Some(message) = message else { return };
                    self.take(&message).await;
                }
                () = sleep_until(self.answer_at.unwrap_or_else(Instant::now)), if self.answer_at.is_some() => {
                    self.answer_at = None;
                    self.say(self.own.clone()).await;
                }
                _ = times.tick() => {
                    self.say(self.own.clone()).await;
                    self.expire().await;
                }
            }
        }
        self.say(NodeMessage {
            leaves: true,
            ..self.own.clone()
        })
        .await;
    }

    async fn say(&mut self, message: NodeMessage) {
        self.said = Instant::now();
        let message = serde_json::to_vec(&message).unwrap_or_default();
        let client = &self.link.client;
        // Said again soon.
        let _ = soon(client.publish(self.subject.clone(), message.into())).await;
    }

    async fn take(&mut self, message: &[u8]) {
        if message.len() > MAX_MESSAGE {
            return;
        }
        let Ok(message) = serde_json::from_slice::<NodeMessage>(message) else {
            return;
        };
        if message.name == self.own.name || message.name.len() > MAX_TEXT {
            return;
        }
        if message.asks && self.answer_at.is_none() {
            self.answer_at = Some(self.said + ANSWER_PAUSE);
        }
        if message.leaves {
            let known = self.known.get(&message.name);
            if known.is_some_and(|known| known.addresses == message.addresses) {
                self.known.remove(&message.name);
                let _ = self
                    .found
                    .send(Discovered::Lost { name: message.name })
                    .await;
            }
            return;
        }
        let mut addresses = message.addresses;
        addresses.retain(|address| address.len() <= MAX_TEXT);
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() {
            return;
        }
        let heard = Instant::now();
        if let Some(known) = self.known.get_mut(&message.name) {
            known.heard = heard;
            if known.addresses == addresses {
                return;
            }
        } else if self.known.len() >= MAX_NODES {
            return;
        }
        let endpoints = addresses.iter();
        // An announcement names addresses through the cluster only.
        let endpoints = endpoints.filter(|address| address.starts_with("nats:"));
        let endpoints = endpoints
            .filter_map(|address| address.parse().ok())
            .collect();
        let found = Discovered::Found {
            name: message.name.clone(),
            addresses: endpoints,
        };
        self.known
            .insert(message.name, KnownNode { addresses, heard });
        // The node has ended if nobody receives it.
        let _ = self.found.send(found).await;
    }

    async fn expire(&mut self) {
        let expired = self
            .known
            .extract_if(|_, known| known.heard.elapsed() > EXPIRY);
        let expired: Vec<_> = expired.collect();
        for (name, _) in expired {
            let _ = self.found.send(Discovered::Lost { name }).await;
        }
    }
}

async fn next(messages: &mut Subscriber) -> Option<bytes::Bytes> {
    let message = poll_fn(|cx| Pin::new(&mut *messages).poll_next(cx)).await?;
    Some(message.payload)
}
