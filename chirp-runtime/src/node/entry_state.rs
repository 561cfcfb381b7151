use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::labels::Labels;
use super::links::{Effect, LinkId, Links, OfferError};
use super::node_info::{LinkInfo, NodeState};
use super::{NodeEvent, Refusal, RefusalReason};
use crate::channel::{Endpoint, Identity};
use crate::peer::Peer;

/// Connections of one node, including those whose calls still end. Beyond, the oldest of these are closed.
const MAX_CONNECTIONS: usize = 32;

/// A join that has not been decided, and where its decision goes.
pub(super) type PendingJoin = (LinkId, oneshot::Sender<Result<(), Refusal>>);

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
pub(super) struct EntryState {
    pub(super) links: Links,
    /// Every connection: offers, links, and those that end.
    pub(super) open: BTreeMap<LinkId, Connection>,
    /// The peer of the link for new calls.
    pub(super) current: Option<Peer>,
    /// Why the link gets no new calls, although it is there: the other side is not serving.
    pub(super) not_serving: Option<Arc<str>>,
    pub(super) addresses: Vec<NodeTarget>,
    pub(super) disconnected: Option<Disconnected>,
    pub(super) dialler: Option<AbortHandle>,
    pub(super) attempts: u32,
    pub(super) is_attempting: bool,
    pub(super) has_joined: bool,
    /// The name was proven by a certificate: it is not given to a link without the proof any more.
    pub(super) is_held: bool,
    /// The node itself is shutting down or closed.
    pub(super) is_stopped: bool,
    /// The process that watchers were told of.
    pub(super) announced: Option<u64>,
    pub(super) reason: Option<Arc<str>>,
}

/// An address of a node, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeTarget {
    pub(super) endpoint: Endpoint,
    /// The discovery that found it. `None` for addresses of the program.
    pub(super) found_by: Option<usize>,
}

#[derive(Clone)]
pub(super) enum Disconnected {
    Here,
    There(Arc<str>),
}

impl Disconnected {
    pub(super) fn reason(&self) -> Arc<str> {
        match self {
            Self::Here => "disconnected by this program".into(),
            Self::There(reason) => Arc::clone(reason),
        }
    }
}

pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) facts: Arc<LinkFacts>,
    pub(super) rtt: Option<Duration>,
    pub(super) since: Instant,
    pub(super) is_joined: bool,
    /// The decision on the offer.
    pub(super) decided: Option<oneshot::Sender<Result<(), Refusal>>>,
}

/// The facts about a link that its join has established.
#[derive(Debug)]
pub(super) struct LinkFacts {
    pub(super) incarnation: u64,
    pub(super) labels: Labels,
    pub(super) is_proven: bool,
    pub(super) dialled: bool,
}

/// An action that is taken after the lock has been released.
pub(super) enum Action {
    Serve(LinkId, Peer),
    Decide(oneshot::Sender<Result<(), Refusal>>, Result<(), Refusal>),
    Probe(LinkId, Peer),
    Leave(Peer),
    Close(Peer),
    Cut(Peer),
}

impl EntryState {
    /// Translates an effect of the links into an action.
    pub(super) fn collect(&mut self, effect: Effect, name: &str, actions: &mut Vec<Action>) {
        let (Effect::Accept(id)
        | Effect::Refuse(id, _)
        | Effect::Probe(id)
        | Effect::Leave(id)
        | Effect::Close(id)
        | Effect::Cut(id)) = effect;
        let Some(connection) = self.open.get_mut(&id) else {
            return;
        };
        let peer = connection.peer.clone();
        match effect {
            Effect::Accept(_) => {
                connection.is_joined = true;
                self.has_joined = true;
                self.disconnected = None;
                // Names with a key are protected without this.
                self.is_held |= matches!(peer.identity(), Identity::Names(_));
                let decided = connection.decided.take();
                actions.push(Action::Serve(id, peer));
                actions.extend(decided.map(|sender| Action::Decide(sender, Ok(()))));
            }
            Effect::Refuse(_, error) => {
                let decided = connection.decided.take();
                let refusal = match error {
                    OfferError::NameTaken => Refusal::new(
                        RefusalReason::NameTaken,
                        format!("another process under the name {name:?} is connected and answers"),
                    ),
                    OfferError::Unproven => unproven(name),
                    OfferError::Busy => Refusal::new(
                        RefusalReason::Busy,
                        format!("too many processes join under the name {name:?}"),
                    ),
                };
                actions.extend(decided.map(|sender| Action::Decide(sender, Err(refusal))));
            }
            Effect::Probe(_) => actions.push(Action::Probe(id, peer)),
            Effect::Leave(_) => actions.push(Action::Leave(peer)),
            Effect::Close(_) => actions.push(Action::Close(peer)),
            Effect::Cut(_) => actions.push(Action::Cut(peer)),
        }
    }

    /// Returns the event for watchers, if something has changed for them.
    pub(super) fn announce(&mut self, name: &Arc<str>, authenticated: bool) -> Option<NodeEvent> {
        let now = self.current.as_ref().and(self.links.incarnation());
        let name = Arc::clone(name);
        match (std::mem::replace(&mut self.announced, now), now) {
            (None, Some(_)) => Some(NodeEvent::Joined {
                name,
                authenticated,
            }),
            (Some(_), None) => {
                let reason = self.reason(&name);
                Some(NodeEvent::Left { name, reason })
            }
            (Some(old), Some(new)) if old != new => Some(NodeEvent::Replaced { name }),
            _ => None,
        }
    }

    /// Returns the peer for new calls.
    pub(super) fn usable(&self) -> Option<&Peer> {
        let current = self.current.as_ref()?;
        (self.not_serving.is_none() && current.takes_calls()).then_some(current)
    }

    pub(super) fn is_known(&self) -> bool {
        self.has_joined || !self.addresses.is_empty() || self.disconnected.is_some()
    }

    pub(super) fn may_dial(&self) -> bool {
        !self.is_stopped && self.disconnected.is_none() && !self.addresses.is_empty()
    }

    pub(super) fn peers(&self) -> Vec<Peer> {
        self.open.values().map(|open| open.peer.clone()).collect()
    }

    /// Returns the peers of connections that have joined.
    pub(super) fn joined_peers(&self) -> Vec<Peer> {
        let joined = self.open.values().filter(|open| open.is_joined);
        joined.map(|open| open.peer.clone()).collect()
    }

    /// Takes the joins that have not been decided.
    pub(super) fn take_pending(
        &mut self,
        is_taken: impl Fn(&LinkFacts) -> bool,
    ) -> Vec<PendingJoin> {
        let open = self.open.iter_mut();
        let taken = open.filter(|(_, open)| is_taken(&open.facts));
        taken
            .filter_map(|(id, open)| Some((*id, open.decided.take()?)))
            .collect()
    }

    /// Returns the oldest connection that is to be closed because there are too many which are no links any more.
    pub(super) fn take_surplus(&mut self) -> Option<Peer> {
        if self.open.len() <= MAX_CONNECTIONS {
            return None;
        }
        let is_over =
            |(id, open): &(&LinkId, &Connection)| open.is_joined && !self.links.is_link(**id);
        let (_, oldest) = self.open.iter().find(is_over)?;
        Some(oldest.peer.clone())
    }

    pub(super) fn reason(&self, name: &str) -> Arc<str> {
        if let Some(not_serving) = &self.not_serving {
            return Arc::clone(not_serving);
        }
        if let Some(disconnected) = &self.disconnected {
            return disconnected.reason();
        }
        match &self.reason {
            Some(reason) => Arc::clone(reason),
            None if self.addresses.is_empty() => {
                format!("{name:?} is not connected, and no address of it is known").into()
            }
            None => "connecting for the first time".into(),
        }
    }

    pub(super) fn info(&self, name: &str) -> NodeState {
        if self.current.is_some() {
            return match &self.not_serving {
                None => NodeState::Connected,
                Some(reason) => NodeState::NotServing {
                    reason: Arc::clone(reason),
                },
            };
        }
        if let Some(disconnected) = &self.disconnected {
            return NodeState::Disconnected {
                reason: disconnected.reason(),
            };
        }
        if !self.is_known() {
            return NodeState::Unknown;
        }
        if self.is_attempting {
            return NodeState::Connecting {
                attempt: self.attempts,
            };
        }
        NodeState::Waiting {
            reason: self.reason(name),
        }
    }
}

impl Connection {
    pub(super) fn info(&self) -> LinkInfo {
        LinkInfo {
            address: self.peer.remote().cloned(),
            dialled: self.facts.dialled,
            since: self.since,
            rtt: self.rtt,
            identity: self.peer.identity().clone(),
            authenticated: self.facts.is_proven,
            labels: self.facts.labels.clone(),
            incarnation: self.facts.incarnation,
        }
    }
}

pub(super) fn unproven(name: &str) -> Refusal {
    let text = format!("the name {name:?} was proven by a key or a certificate before");
    Refusal::new(RefusalReason::Unproven, text)
}
