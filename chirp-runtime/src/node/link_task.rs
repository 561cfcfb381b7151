//! The tasks of a link: watching it, measuring it, and ending it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::health_watch::HealthWatch;
use super::join::Leave;
use super::links::LinkId;
use super::node_core::NodeCore;
use super::node_entry::NodeEntry;
use super::refusal::cut;
use crate::packet::{CONTRACT_METHOD, NODE_LEAVE_METHOD, ServedMethod};
use crate::peer::{CallError, Peer, Task};

/// The time that a process has to answer a probe, which it gets when another process claims its name.
const PROBE_TIME: Duration = Duration::from_secs(1);

/// The time that the other side has to answer `leave`.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// The time that both sides have to close a link that neither uses.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// The maximum time that calls of this side may go on over a link whose other side is shutting down. The other side has a
/// limit of its own.
const LEAVING_TIME: Duration = Duration::from_mins(10);

/// The pauses between checks whether a link that both sides have left is idle.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
const LONGEST_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the task that watches a link until its connection has ended.
pub(super) fn spawn(core: &Arc<NodeCore>, entry: &Arc<NodeEntry>, id: LinkId, peer: Peer) {
    let (owner, entry) = (Arc::clone(core), Arc::clone(entry));
    let work: Task = Box::pin(async move {
        let reason = {
            let mut pings = std::pin::pin!(measure(&owner, &entry, id, &peer));
            let mut health = std::pin::pin!(follow_health(&owner, &entry, id, &peer));
            tokio::select! {
                reason = peer.left() => reason,
                never = &mut pings => match never {},
                never = &mut health => match never {},
            }
        };
        let reason = match reason {
            Some(reason) => cut(&reason.to_string()).into(),
            None => "the node is shutting down".into(),
        };
        entry.ended(&owner, id, reason);
        // Calls in progress go on, and the other side waits for this one to close its end. `close` and `shutdown` of the node
        // reach the connection until it has ended.
        peer.shutdown(LEAVING_TIME).await;
        entry.forget(id);
    });
    core.runtime.spawn(work);
}

/// Measures the round-trip time now and then.
async fn measure(
    core: &NodeCore,
    entry: &NodeEntry,
    id: LinkId,
    peer: &Peer,
) -> std::convert::Infallible {
    loop {
        let began = Instant::now();
        if ping(peer).await.is_ok() {
            entry.set_rtt(id, began.elapsed());
        }
        sleep(core.settings.ping_interval).await;
    }
}

/// Follows whether the other side is serving, if that matters, while the link is in use. A link that both sides have left is
/// closed once it is idle, so nothing may stay open there.
async fn follow_health(
    core: &NodeCore,
    entry: &NodeEntry,
    id: LinkId,
    peer: &Peer,
) -> std::convert::Infallible {
    let Some(service) = &core.settings.required_health else {
        return std::future::pending().await;
    };
    loop {
        entry.until_in_use(id, true).await;
        let mut health = HealthWatch::new(peer, service);
        let changes = async {
            loop {
                entry.set_health(id, health.changed().await);
            }
        };
        tokio::select! {
            biased;
            () = entry.until_in_use(id, false) => {}
            () = changes => {}
        }
    }
}

/// Calls the other side. Every answer is a sign of life.
async fn ping(peer: &Peer) -> Result<(), CallError> {
    let question = ServedMethod::encode_question([]);
    match peer.call(CONTRACT_METHOD, question).await {
        Err(error @ (CallError::ConnectionLost(_) | CallError::NotConnected(_))) => Err(error),
        // An error is an answer, too; and a side with too many pending calls gets answers.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Starts the task that probes a link whose name is claimed by another process.
pub(super) fn spawn_probe(core: &Arc<NodeCore>, entry: &Arc<NodeEntry>, id: LinkId, peer: Peer) {
    let (owner, entry) = (Arc::clone(core), Arc::clone(entry));
    let work: Task = Box::pin(async move {
        let answered = timeout(PROBE_TIME, ping(&peer)).await;
        let is_alive = matches!(answered, Ok(Ok(())));
        entry.probed(&owner, id, is_alive);
    });
    core.runtime.spawn(work);
}

/// Starts the task that tells the other side that another link is used.
pub(super) fn spawn_leave(core: &Arc<NodeCore>, peer: Peer) {
    let work: Task = Box::pin(async move { leave(&peer, Leave::Replaced, LEAVE_TIME).await });
    core.runtime.spawn(work);
}

/// Tells the other side that this side has left the link, and waits for the answer.
pub(super) async fn leave(peer: &Peer, leave: Leave, limit: Duration) {
    let told = peer.call(NODE_LEAVE_METHOD, leave.encode());
    // A side that does not answer learns it from the end of the link.
    let _ = timeout(limit, told).await;
}

/// Starts the task that closes a link whose other side has disconnected this one, if that side does not in time.
pub(super) fn spawn_end(core: &Arc<NodeCore>, peer: Peer) {
    let work: Task = Box::pin(async move {
        if timeout(CLOSE_TIME, peer.closed()).await.is_err() {
            peer.close();
        }
    });
    core.runtime.spawn(work);
}

/// Starts the task that closes a link which both sides have left, once no call uses it.
pub(super) fn spawn_close(core: &Arc<NodeCore>, peer: Peer) {
    let work: Task = Box::pin(async move {
        let mut pause = CHECK_INTERVAL;
        loop {
            let stats = peer.stats();
            if stats.pending + stats.running + stats.streams == 0 {
                break;
            }
            tokio::select! {
                _ = peer.closed() => return,
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_CHECK_INTERVAL),
            }
        }
        peer.shutdown(CLOSE_TIME).await;
    });
    core.runtime.spawn(work);
}
