use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::entry_state::{
    Action, Connection, Disconnected, EntryState, LinkFacts, NodeTarget, PendingJoin, unproven,
};
use super::join::Leave;
use super::link_task;
use super::links::{Effect, LinkId, Links, Offer, Rank};
use super::node_core::NodeCore;
use super::node_info::NodeInfo;
use super::pending_offer::PendingOffer;
use super::waiting_calls::WaitingCalls;
use super::{Refusal, RefusalReason};
use crate::channel::Endpoint;
use crate::peer::{CallError, Peer};
use crate::sync::Mutex;

/// Everything that a node knows about another name.
pub(super) struct NodeEntry {
    pub(super) name: Arc<str>,
    state: Mutex<EntryState>,
    /// The state has changed.
    changed: Notify,
    /// The program asks for a connection: the task that dials does not pause.
    wanted: Notify,
    /// Calls that wait for a link.
    pub(super) waiting: Arc<WaitingCalls>,
}

/// The link of a connection, attached to the connection ([`Peer::attach`]).
pub(super) struct LinkTag {
    pub(super) core: Arc<NodeCore>,
    pub(super) entry: Arc<NodeEntry>,
    pub(super) id: LinkId,
}

/// The next step of a task that dials.
pub(super) enum DialStep {
    /// Dial this address.
    Dial(Endpoint),
    /// There is a link: wait for a change.
    Wait,
    /// There is nothing to dial any more.
    Stop,
}

impl NodeEntry {
    /// Creates the entry of a name. `is_stopped` tells that the node does not run any more.
    pub(super) fn new(name: Arc<str>, waiting: Arc<WaitingCalls>, is_stopped: bool) -> Self {
        Self {
            name,
            state: Mutex::new(EntryState {
                is_stopped,
                ..EntryState::default()
            }),
            changed: Notify::new(),
            wanted: Notify::new(),
            waiting,
        }
    }

    fn lock(&self) -> MutexGuard<'_, EntryState> {
        self.state.lock()
    }

    /// Decides on a connection that has joined. Returns the decision, and the number of the connection.
    pub(super) fn offer(
        self: &Arc<Self>,
        core: &Arc<NodeCore>,
        peer: &Peer,
        sequence: u64,
        facts: LinkFacts,
        rtt: Option<Duration>,
    ) -> Result<PendingOffer, Refusal> {
        let (own, other) = (core.name(), &self.name);
        let rank = if facts.dialled {
            Rank::new(own, other, sequence)
        } else {
            Rank::new(other, own, sequence)
        };
        let id = core.next_link();
        let (sender, decision) = oneshot::channel();
        let mut state = self.lock();
        if state.is_stopped {
            return Err(Refusal::new(
                RefusalReason::ShuttingDown,
                "the node is shutting down",
            ));
        }
        if let Some(disconnected) = &state.disconnected
            && (facts.dialled || matches!(disconnected, Disconnected::Here))
        {
            let text = format!("the program of {own:?} has disconnected {other:?}");
            return Err(Refusal::new(RefusalReason::Disconnected, text));
        }
        if facts.dialled && state.addresses.is_empty() {
            let text = format!("the address of {other:?} was removed");
            return Err(Refusal::new(RefusalReason::Disconnected, text));
        }
        if state.is_held && !facts.is_proven {
            return Err(unproven(other));
        }
        let offer = Offer {
            id,
            incarnation: facts.incarnation,
            rank,
            is_proven: facts.is_proven,
        };
        let connection = Connection {
            peer: peer.clone(),
            facts: Arc::new(facts),
            rtt,
            since: Instant::now(),
            is_joined: false,
            decided: Some(sender),
        };
        state.open.insert(id, connection);
        let surplus = state.take_surplus();
        self.step(core, state, None, |links| links.offer(offer));
        if let Some(peer) = surplus {
            peer.close();
        }
        Ok(PendingOffer {
            core: Arc::clone(core),
            entry: Arc::clone(self),
            id,
            decision,
            is_settled: false,
        })
    }

    /// The other side has left a link.
    pub(super) fn left_there(self: &Arc<Self>, core: &Arc<NodeCore>, id: LinkId, leave: Leave) {
        let mut state = self.lock();
        match leave {
            Leave::Replaced => self.step(core, state, None, |links| links.left_there(id)),
            Leave::Disconnected(text) => {
                let name = &self.name;
                let reason: Arc<str> = if text.is_empty() {
                    format!("{name:?} has disconnected this node").into()
                } else {
                    format!("{name:?} has disconnected this node: {text}").into()
                };
                if !state.links.is_link(id) {
                    // A late packet about links of before.
                    return;
                }
                state.disconnected = Some(Disconnected::There(Arc::clone(&reason)));
                // Another process of this name may still join, but this side must not.
                let refused = state.take_pending(|facts| facts.dialled);
                for (id, _) in &refused {
                    state.links.withdraw(*id);
                }
                let peers = state.joined_peers();
                self.step(core, state, Some(reason), Links::disconnected);
                self.refuse_as_disconnected(core, refused);
                for peer in peers {
                    link_task::spawn_end(core, peer);
                }
            }
        }
    }

    /// A connection takes no more calls. It may still have calls in progress.
    pub(super) fn ended(self: &Arc<Self>, core: &Arc<NodeCore>, id: LinkId, reason: Arc<str>) {
        let state = self.lock();
        self.step(core, state, Some(reason), |links| links.ended(id));
    }

    /// A connection is over: nothing refers to it any more.
    pub(super) fn forget(&self, id: LinkId) -> Option<Peer> {
        let forgotten = self.lock().open.remove(&id);
        forgotten.map(|connection| connection.peer)
    }

    pub(super) fn probed(self: &Arc<Self>, core: &Arc<NodeCore>, id: LinkId, is_alive: bool) {
        let state = self.lock();
        let reason = "the node did not answer, and another process has its name";
        self.step(core, state, Some(reason.into()), |links| {
            links.probed(id, is_alive)
        });
    }

    pub(super) fn set_rtt(&self, id: LinkId, rtt: Duration) {
        if let Some(connection) = self.lock().open.get_mut(&id) {
            connection.rtt = Some(rtt);
        }
    }

    /// Sets why the node gets no new calls over a link, or `None` if it is serving. Has no effect unless the link is in use.
    pub(super) fn set_health(&self, id: LinkId, not_serving: Option<Arc<str>>) {
        let mut state = self.lock();
        if state.links.current() != Some(id) {
            return;
        }
        state.not_serving = not_serving;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Waits until a link is in use for new calls, or not any more.
    pub(super) async fn until_in_use(&self, id: LinkId, in_use: bool) {
        loop {
            let changed = self.changed.notified();
            if (self.lock().links.current() == Some(id)) == in_use {
                return;
            }
            changed.await;
        }
    }

    /// Takes a step of the links, publishes what has changed, and does what follows after releasing the lock.
    fn step(
        self: &Arc<Self>,
        core: &Arc<NodeCore>,
        mut state: MutexGuard<'_, EntryState>,
        reason: Option<Arc<str>>,
        step: impl FnOnce(&mut Links) -> Vec<Effect>,
    ) {
        let process = state.links.incarnation();
        let effects = step(&mut state.links);
        let mut actions = Vec::new();
        for effect in effects {
            state.collect(effect, &self.name, &mut actions);
        }
        let current = state.links.current();
        let current = current.and_then(|id| state.open.get(&id));
        let (is_proven, current) = match current {
            Some(connection) => (connection.facts.is_proven, Some(connection.peer.clone())),
            None => (false, None),
        };
        let old = std::mem::replace(&mut state.current, current);
        if state.current.is_none() {
            state.not_serving = None;
        } else if (old.is_none() || state.links.incarnation() != process)
            && let Some(service) = &core.settings.required_health
        {
            // Another link of the same process is as healthy as the one before.
            let reason = format!("it is not known yet whether {service:?} is serving");
            state.not_serving = Some(reason.into());
        }
        if reason.is_some() {
            state.reason = reason;
        }
        // Queued under the lock, so that the events of a node are in order.
        if let Some(event) = state.announce(&self.name, is_proven) {
            core.events.push(event);
        }
        drop(state);
        drop(old);
        self.changed.notify_waiters();
        core.events.send();
        for action in actions {
            self.act(core, action);
        }
    }

    fn act(self: &Arc<Self>, core: &Arc<NodeCore>, action: Action) {
        match action {
            Action::Serve(id, peer) => {
                peer.attach(LinkTag {
                    core: Arc::clone(core),
                    entry: Arc::clone(self),
                    id,
                });
                core.with_serving(|serving| peer.serve_as(serving));
                link_task::spawn(core, self, id, peer);
            }
            Action::Decide(sender, decision) => {
                // Nobody waits if the connection has ended.
                let _ = sender.send(decision);
            }
            Action::Probe(id, peer) => link_task::spawn_probe(core, self, id, peer),
            Action::Leave(peer) => link_task::spawn_leave(core, peer),
            Action::Close(peer) => link_task::spawn_close(core, peer),
            Action::Cut(peer) => peer.close(),
        }
    }

    /// Adds an address. `is_wanted` tells that the program asks for a connection, whoever has disconnected before.
    pub(super) fn add_address(
        self: &Arc<Self>,
        core: &Arc<NodeCore>,
        target: NodeTarget,
        is_wanted: bool,
    ) {
        let mut state = self.lock();
        if !state.addresses.contains(&target) {
            state.addresses.push(target);
        }
        if is_wanted {
            state.disconnected = None;
            self.hurry(&state);
        }
        self.start_dialling(core, state);
    }

    /// Replaces the addresses that a discovery has found. A node that was disconnected is not dialled.
    pub(super) fn set_found(
        self: &Arc<Self>,
        core: &Arc<NodeCore>,
        source: usize,
        addresses: Vec<Endpoint>,
    ) {
        let mut state = self.lock();
        let found_by = Some(source);
        state.addresses.retain(|target| target.found_by != found_by);
        for endpoint in addresses {
            let target = NodeTarget { endpoint, found_by };
            if !state.addresses.contains(&target) {
                state.addresses.push(target);
            }
        }
        self.start_dialling(core, state);
    }

    /// Removes addresses. Calls that wait fail if nothing is known of the node any more.
    pub(super) fn remove_addresses(&self, is_removed: impl Fn(&NodeTarget) -> bool) -> bool {
        let mut state = self.lock();
        let count = state.addresses.len();
        state.addresses.retain(|target| !is_removed(target));
        let has_removed = state.addresses.len() < count;
        drop(state);
        self.changed.notify_waiters();
        has_removed
    }

    /// Allows links again after a disconnect, and dials the known addresses.
    pub(super) fn reconnect(self: &Arc<Self>, core: &Arc<NodeCore>) {
        let mut state = self.lock();
        state.disconnected = None;
        self.hurry(&state);
        self.start_dialling(core, state);
    }

    /// Ends the pause of the task that dials, if there is one.
    fn hurry(&self, state: &EntryState) {
        if state.dialler.is_some() {
            self.wanted.notify_one();
        }
    }

    /// Waits until the program asks for a connection.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    fn start_dialling(
        self: &Arc<Self>,
        core: &Arc<NodeCore>,
        mut state: MutexGuard<'_, EntryState>,
    ) {
        let is_idle = state.dialler.is_none();
        if is_idle && state.may_dial() {
            state.dialler = Some(super::dial::spawn(core, self));
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Returns the next step of the task that dials. `round` is the index of the address.
    pub(super) fn dial_step(&self, round: usize) -> DialStep {
        let mut state = self.lock();
        if !state.may_dial() {
            state.dialler = None;
            state.is_attempting = false;
            return DialStep::Stop;
        }
        if state.current.is_some() {
            return DialStep::Wait;
        }
        state.attempts = state.attempts.saturating_add(1);
        state.is_attempting = true;
        let at = round % state.addresses.len();
        DialStep::Dial(state.addresses[at].endpoint.clone())
    }

    /// Ends an attempt. Returns the number of addresses.
    pub(super) fn dialled(&self, failure: Option<Arc<str>>) -> usize {
        let mut state = self.lock();
        state.is_attempting = false;
        match failure {
            // A link that the other side has made is not affected.
            Some(reason) if state.current.is_none() => state.reason = Some(reason),
            Some(_) => {}
            None => state.attempts = 0,
        }
        state.addresses.len()
    }

    /// The other side says that its program has disconnected this node.
    pub(super) fn refused_as_disconnected(&self, reason: Arc<str>) {
        let mut state = self.lock();
        if state.disconnected.is_none() && state.current.is_none() {
            state.disconnected = Some(Disconnected::There(reason));
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Disconnects on behalf of the program. Returns the peers of all connections, or `None` if nothing is known of the
    /// node.
    pub(super) fn disconnect(self: &Arc<Self>, core: &Arc<NodeCore>) -> Option<Vec<Peer>> {
        let mut state = self.lock();
        if !state.is_known() {
            return None;
        }
        let disconnected = Disconnected::Here;
        let reason = disconnected.reason();
        state.disconnected = Some(disconnected);
        let peers = state.peers();
        let refused = state.take_pending(|_| true);
        self.step(core, state, Some(reason), |links| {
            *links = Links::default();
            Vec::new()
        });
        self.refuse_as_disconnected(core, refused);
        Some(peers)
    }

    fn refuse_as_disconnected(self: &Arc<Self>, core: &Arc<NodeCore>, refused: Vec<PendingJoin>) {
        let own = core.name();
        for (_, sender) in refused {
            let text = format!("the program of {own:?} has disconnected {:?}", self.name);
            let refusal = Refusal::new(RefusalReason::Disconnected, text);
            self.act(core, Action::Decide(sender, Err(refusal)));
        }
    }

    /// Dials no more, since the node is shutting down. Waiting calls fail.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        let dialler = state.dialler.take();
        drop(state);
        if let Some(dialler) = dialler {
            dialler.abort();
        }
        self.changed.notify_waiters();
    }

    /// Takes every connection, since the node is closed.
    pub(super) fn close(&self) -> Vec<Peer> {
        let mut state = self.lock();
        state.is_stopped = true;
        state.links = Links::default();
        let current = state.current.take();
        let open = std::mem::take(&mut state.open);
        drop(state);
        drop(current);
        self.changed.notify_waiters();
        open.into_values()
            .map(|connection| connection.peer)
            .collect()
    }

    /// Returns the peers of all connections.
    pub(super) fn peers(&self) -> Vec<Peer> {
        self.lock().peers()
    }

    /// Returns the peers of connections that have joined.
    pub(super) fn joined_peers(&self) -> Vec<Peer> {
        let state = self.lock();
        state.joined_peers()
    }

    /// Returns the peer for new calls, unless the node is not serving.
    pub(super) fn current(&self) -> Option<Peer> {
        self.lock().usable().cloned()
    }

    pub(super) fn is_forgettable(&self) -> bool {
        let state = self.lock();
        state.open.is_empty()
            && state.addresses.is_empty()
            && !matches!(state.disconnected, Some(Disconnected::Here))
            && state.dialler.is_none()
            && !state.is_held
    }

    /// Returns the peer for a call, or the reason why the call fails. `None`: the call may wait.
    pub(super) fn peer_for_call(&self) -> Option<Result<Peer, CallError>> {
        let state = self.lock();
        if let Some(peer) = state.usable() {
            return Some(Ok(peer.clone()));
        }
        if state.is_stopped {
            return Some(Err(CallError::NotConnected("the node is closed".into())));
        }
        if let Some(disconnected) = &state.disconnected {
            return Some(Err(CallError::NotConnected(disconnected.reason())));
        }
        (!state.is_known()).then(|| Err(CallError::UnknownNode(Arc::clone(&self.name))))
    }

    /// Waits for a link, or for the reason why there will be none.
    pub(super) async fn ready(&self) -> Result<Peer, CallError> {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = self.peer_for_call() {
                return found;
            }
            changed.await;
        }
    }

    /// Returns a future of the next change, which counts from now.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.lock().current.is_some()
    }

    /// Returns the reason why there is no link.
    pub(super) fn reason(&self) -> Arc<str> {
        self.lock().reason(&self.name)
    }

    pub(super) fn info(&self) -> NodeInfo {
        let state = self.lock();
        let current = state.links.current();
        let link = current
            .and_then(|id| state.open.get(&id))
            .map(Connection::info);
        let mut addresses: Vec<Endpoint> = Vec::new();
        for target in &state.addresses {
            if !addresses.contains(&target.endpoint) {
                addresses.push(target.endpoint.clone());
            }
        }
        NodeInfo {
            name: Arc::clone(&self.name),
            state: state.info(&self.name),
            addresses,
            link,
        }
    }
}
