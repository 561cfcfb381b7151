//! Nodes that know each other by keys, of which all but the first start again now and then.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chirp::channel::{KeyPolicy, Keypair};
use chirp::{AddressList, Answer, AsCaller, Caller, Node};

use crate::failure::{Failure, Link};
use crate::ledger::NO_TICKET;
use crate::random::Random;
use crate::service::{BackServer, WorkClient, WorkServer, Worker};
use crate::station::Outcome;

/// The number of nodes.
const NODES: usize = 4;

/// A mesh of nodes in this process.
pub(crate) struct Mesh {
    addresses: AddressList,
    keys: Vec<Keypair>,
    worker: Worker,
    hub: Node,
    others: Mutex<Vec<Option<Node>>>,
}

fn name(number: usize) -> String {
    format!("node-{number}")
}

impl Mesh {
    /// Starts the nodes.
    pub(crate) async fn start(worker: &Worker) -> Outcome<Self> {
        let addresses = AddressList::new();
        let mut keys = Vec::new();
        for _ in 0..NODES {
            keys.push(Keypair::generate()?);
        }
        let hub = start(0, &keys, &addresses, worker).await?;
        let mesh = Self {
            addresses,
            keys,
            worker: worker.clone(),
            hub,
            others: Mutex::new((1..NODES).map(|_| None).collect()),
        };
        for number in 1..NODES {
            mesh.start_again(number).await?;
        }
        Ok(mesh)
    }

    async fn start_again(&self, number: usize) -> Outcome<()> {
        let node = start(number, &self.keys, &self.addresses, &self.worker).await?;
        self.others()[number - 1] = Some(node);
        Ok(())
    }

    /// Ends a node and starts it again: gracefully, or at once and without a word.
    pub(crate) async fn restart_one(&self, random: &mut Random) -> Outcome<()> {
        let number = 1 + random.below(NODES as u64 - 1) as usize;
        let node = self.others()[number - 1].take();
        if let Some(node) = node {
            if random.below(2) == 0 {
                node.shutdown(Duration::from_secs(2)).await;
            } else {
                node.close();
                node.closed().await;
            }
        }
        self.start_again(number).await
    }

    /// Waits until every node is connected to every other.
    pub(crate) async fn connected(&self) {
        let nodes: Vec<Node> = std::iter::once(self.hub.clone())
            .chain(self.others().iter().flatten().cloned())
            .collect();
        for node in nodes {
            let mut events = node.watch();
            while node.connected().len() < NODES - 1 && events.recv().await.is_some() {}
        }
    }

    /// Calls all nodes at once. Every target gives one answer.
    pub(crate) async fn multicast(&self, random: &mut Random) -> Result<(), Failure> {
        let (a, b) = (random.below(1 << 40), random.below(1 << 40));
        let mut calls = self
            .hub
            .all()
            .gather(WorkClient::unbound().add(NO_TICKET, a, b));
        let (targets, mut answers) = (calls.remaining(), 0);
        let mut failure = None;
        while let Some(Answer { from, result }) = calls.next().await {
            answers += 1;
            match result {
                Ok(sum) if sum == a + b => {}
                Ok(sum) => return Err(Failure::Wrong(format!("{from} answered {sum}"))),
                Err(error) => failure = Some(Failure::Call(error)),
            }
        }
        if answers != targets {
            return Err(Failure::Wrong(format!(
                "{answers} answers of {targets} targets"
            )));
        }
        failure.map_or(Ok(()), Err)
    }

    /// Returns a caller of one of the nodes that start again.
    pub(crate) fn caller(&self, random: &mut Random) -> Caller {
        let number = 1 + random.below(NODES as u64 - 1) as usize;
        self.hub.peer(name(number)).as_caller()
    }

    /// Ends all nodes.
    pub(crate) async fn end(&self) {
        let others: Vec<Node> = self.others().iter_mut().filter_map(Option::take).collect();
        for node in others {
            node.shutdown(Duration::from_secs(2)).await;
        }
        self.hub.shutdown(Duration::from_secs(2)).await;
    }

    fn others(&self) -> std::sync::MutexGuard<'_, Vec<Option<Node>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kind of the connections of the mesh.
pub(crate) const LINK: Link = Link::Restarted;

async fn start(
    number: usize,
    keys: &[Keypair],
    addresses: &AddressList,
    worker: &Worker,
) -> Outcome<Node> {
    let policy: KeyPolicy = keys.iter().map(Keypair::public).collect();
    let mut node = Node::builder(name(number))
        .network("soak")
        .service(WorkServer::new(worker.clone()))
        .service(BackServer::new(worker.clone()))
        .keys(&keys[number], policy)
        .backoff(Duration::from_millis(5), Duration::from_millis(200))
        .discovery(addresses.clone())
        .listen("tls://127.0.0.1:0");
    for (other, key) in keys.iter().enumerate() {
        node = node.known(name(other), key.public());
    }
    let node = node.start().await?;
    addresses.set(name(number), [node.addresses()[0].to_string()])?;
    Ok(node)
}
