use std::sync::Arc;

use tokio::task::AbortHandle;

use super::{Announcement, Discovered, Discovery};
use crate::channel::Endpoint;
use crate::node::names;
use crate::node::node_core::NodeCore;
use crate::peer::{Task, guard};

/// Addresses that are used of one node.
const MAX_ADDRESSES: usize = 16;

/// Starts the task that dials what a discovery finds. `source` is its number within the node.
pub(in crate::node) fn spawn(
    core: &Arc<NodeCore>,
    source: usize,
    discovery: Box<dyn Discovery>,
) -> AbortHandle {
    let owner = Arc::clone(core);
    let work: Task = Box::pin(run(owner, source, discovery));
    core.runtime.spawn(work).abort_handle()
}

async fn run(core: Arc<NodeCore>, source: usize, mut discovery: Box<dyn Discovery>) {
    let settings = &core.settings;
    let node = Announcement::new(&settings.name, &settings.network, core.addresses());
    if guard::call("a discovery", || discovery.begin(&node)).is_err() {
        return guard::discard(discovery);
    }
    // A discovery that panics ends.
    while let Ok(Some(change)) = guard::run("a discovery", discovery.next()).await {
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
        _ => false,
    }
}
