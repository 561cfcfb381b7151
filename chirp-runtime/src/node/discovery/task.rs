use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, yield_now};

use super::{Announcement, Discovered, Discovery};
use crate::channel::Endpoint;
use crate::node::names;
use crate::node::node_core::NodeCore;
use crate::peer::{Task, guard};

/// Addresses that are used of one node.
const MAX_ADDRESSES: usize = 16;

/// Changes that a start waits for. A discovery that reports more at once is waited for no longer.
const MAX_FIRST_CHANGES: usize = 4096;

/// Starts the task that dials what a discovery finds. `source` is its number within the node. The receiver completes, with
/// whatever, once the discovery waits for something: what it has known from the beginning is known to the node then.
pub(in crate::node) fn spawn(
    core: &Arc<NodeCore>,
    source: usize,
    discovery: Box<dyn Discovery>,
) -> (AbortHandle, oneshot::Receiver<()>) {
    let owner = Arc::clone(core);
    let (first, has_first) = oneshot::channel();
    let work: Task = Box::pin(run(owner, source, discovery, first));
    (core.runtime.spawn(work).abort_handle(), has_first)
}

async fn run(
    core: Arc<NodeCore>,
    source: usize,
    mut discovery: Box<dyn Discovery>,
    first: oneshot::Sender<()>,
) {
    let (mut first, mut changes) = (Some(first), 0);
    let settings = &core.settings;
    let node = Announcement::new(&settings.name, &settings.network, core.addresses());
    if guard::call("a discovery", || discovery.begin(&node)).is_err() {
        return guard::discard(discovery);
    }
    loop {
        let change = {
            let mut next = pin!(guard::run("a discovery", discovery.next()));
            let change = poll_fn(|cx| {
                let polled = next.as_mut().poll(cx);
                if polled.is_pending() {
                    drop(first.take());
                }
                polled
            });
            change.await
        };
        // A discovery that panics ends.
        let Ok(Some(change)) = change else { break };
        changes += 1;
        if changes >= MAX_FIRST_CHANGES {
            drop(first.take());
        }
        // A discovery that always has a change must not occupy the thread.
        if changes.is_multiple_of(64) {
            yield_now().await;
        }
        match change {
            Discovered::Found { name, addresses } => found(&core, source, &name, addresses),
            Discovered::Lost { name } => found(&core, source, &name, Vec::new()),
        }
    }
    guard::discard(discovery);
}

fn found(core: &Arc<NodeCore>, source: usize, name: &str, mut addresses: Vec<Endpoint>) {
    if *name == **core.name() || names::check(name).is_err() {
        return;
    }
    addresses.retain(|address| is_usable(core, address));
    addresses.truncate(MAX_ADDRESSES);
    let entry = if addresses.is_empty() {
        core.known_entry(name)
    } else {
        core.entry_to_connect(name).ok()
    };
    // Without room for another node, what was found is ignored.
    if let Some(entry) = entry {
        entry.set_found(core, source, addresses);
    }
}

fn is_usable(core: &NodeCore, address: &Endpoint) -> bool {
    match address {
        Endpoint::Tls { .. } => core.settings.client_tls.is_some(),
        Endpoint::Tcp { .. }
        | Endpoint::Unix { .. }
        | Endpoint::Abstract(_)
        | Endpoint::Inproc(_) => true,
        Endpoint::Other(address) => core.settings.schemes.is_discoverable(address),
        _ => false,
    }
}
