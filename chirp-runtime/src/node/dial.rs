//! Dialling a node: connecting to its addresses and joining it, again whenever there is no link.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::entry_state::LinkFacts;
use super::join::JoinAnswer;
use super::names;
use super::node_core::NodeCore;
use super::node_entry::{DialStep, NodeEntry};
use super::refusal::cut;
use super::{NodeEvent, Refusal, RefusalReason};
use crate::channel::{Channel, Endpoint};
use crate::packet::NODE_JOIN_METHOD;
use crate::peer::{Backoff, ConnectionCounters, Peer, Task, guard};

/// Starts the task that dials a node while it has addresses and no link.
pub(super) fn spawn(core: &Arc<NodeCore>, entry: &Arc<NodeEntry>) -> AbortHandle {
    let (owner, entry) = (Arc::clone(core), Arc::clone(entry));
    let work: Task = Box::pin(async move { run(&owner, &entry).await });
    core.runtime.spawn(work).abort_handle()
}

/// The reason why an attempt failed.
enum DialError {
    Failed(String),
    Refused {
        by_this_side: bool,
        refusal: Refusal,
    },
}

impl From<Refusal> for DialError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            by_this_side: true,
            refusal,
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) => f.write_str(text),
            Self::Refused { refusal, .. } => refusal.fmt(f),
        }
    }
}

async fn run(core: &Arc<NodeCore>, entry: &Arc<NodeEntry>) {
    let (first, longest) = core.settings.backoff;
    let mut backoff = Backoff::new(first, longest);
    let mut linked: Option<Instant> = None;
    let mut pause = None;
    let mut round = 0;
    let mut is_first = true;
    loop {
        if let Some(pause) = pause.take() {
            // The program may ask for a connection now.
            tokio::select! {
                () = sleep(pause) => {}
                () = entry.wanted() => {}
            }
        }
        let changed = entry.changed();
        if let Some(since) = linked
            && !entry.is_connected()
        {
            linked = None;
            // A link that ends at once does not count as a success.
            if since.elapsed() >= longest {
                backoff.reset();
            }
            pause = Some(backoff.pause());
            continue;
        }
        let endpoint = match entry.dial_step(round) {
            DialStep::Stop => return,
            DialStep::Wait => {
                linked.get_or_insert_with(Instant::now);
                changed.await;
                continue;
            }
            DialStep::Dial(endpoint) => endpoint,
        };
        let again = !mem::replace(&mut is_first, false);
        if again {
            count(core, |connections| connections.reconnect_attempts += 1);
        }
        match dial(core, entry, &endpoint).await {
            Ok(()) => {
                if again {
                    count(core, |connections| connections.reconnects += 1);
                }
                entry.dialled(None);
                linked = Some(Instant::now());
                round = 0;
            }
            Err(error) => {
                let count = entry.dialled(Some(cut(&error.to_string()).into()));
                round = round.wrapping_add(1);
                if let DialError::Refused { .. } = error {
                    let longest = core.settings.refused_pause;
                    pause = Some(Backoff::new(longest, longest).pause());
                } else if round.is_multiple_of(count.max(1)) {
                    pause = Some(backoff.pause());
                }
                report(core, entry, endpoint, &error);
            }
        }
    }
}

fn count(core: &NodeCore, step: impl FnOnce(&mut ConnectionCounters)) {
    core.with_serving(|builder| {
        if let Some(metrics) = builder.shared_metrics() {
            metrics.count(step);
        }
    });
}

fn report(core: &NodeCore, entry: &NodeEntry, endpoint: Endpoint, error: &DialError) {
    match error {
        DialError::Failed(reason) => {
            #[cfg(feature = "tracing")]
            tracing::debug!(node = %entry.name, address = %endpoint, "cannot connect: {}", cut(reason));
            #[cfg(not(feature = "tracing"))]
            let _ = reason;
        }
        DialError::Refused {
            by_this_side,
            refusal,
        } => {
            if !by_this_side && refusal.reason == RefusalReason::Disconnected {
                entry.refused_as_disconnected(Arc::clone(&refusal.message));
            }
            core.publish(NodeEvent::Refused {
                name: Some(Arc::clone(&entry.name)),
                address: Some(endpoint),
                by_this_side: *by_this_side,
                refusal: refusal.clone(),
            });
        }
    }
}

/// Connects to an address and joins the node there.
async fn dial(
    core: &Arc<NodeCore>,
    entry: &Arc<NodeEntry>,
    endpoint: &Endpoint,
) -> Result<(), DialError> {
    let name = &*entry.name;
    let channel = connect(core, name, endpoint).await?;
    let unproven = |text| Refusal::new(RefusalReason::Unproven, text);
    let identity = channel.identity();
    let is_proven = names::judge(name, &identity, &core.settings.known).map_err(unproven)?;
    let Some(serving) = core.serving() else {
        return Err(DialError::Failed("the node is closed".into()));
    };
    // Requests of the other side wait until its answer to the join has been seen.
    let started = serving.start_each(channel, false, true, &mut |_, serving| {
        serving.hold();
        Ok(())
    });
    drop(serving);
    let peer = started.map_err(|error| DialError::Failed(error.to_string()))?;
    let mut close_on_drop = CloseOnDrop(Some(peer.clone()));

    let request = core.join_request(name);
    let sequence = request.sequence;
    let limit = core.settings.join_timeout;
    let began = Instant::now();
    let answer = timeout(limit, peer.call(NODE_JOIN_METHOD, request.encode())).await;
    let rtt = began.elapsed();
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(DialError::Failed(format!("cannot join: {error}"))),
        Err(_) => {
            return Err(DialError::Failed(format!(
                "no answer to the join in {limit:?}"
            )));
        }
    };
    let joined = match JoinAnswer::decode(&answer) {
        Ok(JoinAnswer::Joined(joined)) => joined,
        Ok(JoinAnswer::Refused(refusal)) => {
            return Err(DialError::Refused {
                by_this_side: false,
                refusal,
            });
        }
        Err(error) => {
            let text = format!("the answer to the join is invalid: {error}");
            return Err(Refusal::new(RefusalReason::Invalid, text).into());
        }
    };
    if joined.name != name {
        let text = format!("the node at {endpoint} is {:?}, not {name:?}", joined.name);
        return Err(Refusal::new(RefusalReason::WrongNode, text).into());
    }
    if joined.network != core.settings.network {
        let (theirs, ours) = (&joined.network, &core.settings.network);
        let text = format!("{name:?} belongs to the network {theirs:?}, not to {ours:?}");
        return Err(Refusal::new(RefusalReason::Network, text).into());
    }
    let facts = LinkFacts {
        incarnation: joined.incarnation,
        labels: joined.labels,
        is_proven,
        dialled: true,
    };
    let offer = entry.offer(core, &peer, sequence, facts, Some(rtt))?;
    // A probe takes a second; there may be several processes of this name.
    timeout(limit, offer.decided())
        .await
        .map_err(|_| DialError::Failed(format!("no decision on the join in {limit:?}")))??;
    close_on_drop.0 = None;
    Ok(())
}

async fn connect(core: &NodeCore, name: &str, endpoint: &Endpoint) -> Result<Channel, DialError> {
    #[cfg(feature = "tls")]
    let tls = match &core.settings.client_tls {
        Some(tls) if core.settings.has_certificates => {
            let named = tls.clone().server_name(name);
            Some(named.map_err(|error| DialError::Failed(error.to_string()))?)
        }
        tls => tls.clone(),
    };
    #[cfg(not(feature = "tls"))]
    let (tls, _) = (
        &core.settings.client_tls,
        (name, core.settings.has_certificates),
    );
    let limit: Duration = core.settings.connect_timeout;
    let connects = endpoint.connect_with(tls.as_ref(), &core.settings.schemes);
    match timeout(limit, guard::run("a scheme", connects)).await {
        Ok(Ok(Ok(channel))) => Ok(channel),
        Ok(Ok(Err(error))) => Err(DialError::Failed(error.to_string())),
        Ok(Err(panicked)) => Err(DialError::Failed(panicked.to_string())),
        Err(_) => Err(DialError::Failed(format!(
            "cannot connect to {endpoint}: no answer in {limit:?}"
        ))),
    }
}

/// Closes a connection that has not become a link.
struct CloseOnDrop(Option<Peer>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.iter().for_each(Peer::close);
    }
}
