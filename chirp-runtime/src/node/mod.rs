//! Reconnecting and balanced clients, nodes that know each other by name, and calls to many targets.

mod accept;
mod balance;
mod connect_loop;
mod dial;
mod discovery;
mod entry_state;
mod fail_fast;
mod gather;
mod handle;
mod health_watch;
mod join;
mod labels;
mod link_task;
mod links;
mod listen;
mod names;
mod node_address;
mod node_builder;
mod node_core;
mod node_entry;
mod node_error;
mod node_event;
mod node_info;
mod node_peer;
mod node_targets;
mod pending_offer;
mod reconnect_config;
mod reconnect_state;
mod reconnecting_peer;
mod refusal;
mod targets;
mod waiting_calls;

pub use balance::{
    AddressState, BalancePolicy, BalancedConfig, BalancedPeer, BalancedState, connect_any,
};
#[cfg(feature = "mdns")]
pub use discovery::Mdns;
pub use discovery::{AddressList, Announcement, Discovered, Discovery};
pub use gather::{Answer, Gather, GatherError, GatherTemplate, Target, TargetCall};
pub use handle::Node;
pub use labels::Labels;
pub use node_address::NodeAddress;
pub use node_builder::NodeBuilder;
pub use node_error::NodeError;
pub use node_event::{NodeEvent, NodeEvents};
pub use node_info::{LinkInfo, NodeInfo, NodeState};
pub use node_peer::NodePeer;
pub use reconnect_config::ReconnectConfig;
pub use reconnect_state::ReconnectState;
pub use reconnecting_peer::ReconnectingPeer;
pub use refusal::{Refusal, RefusalReason};
pub use targets::Targets;

/// Ends connections, all at the same time, since each has the same bound. They go on to end if the future is dropped.
async fn end_all(runtime: &tokio::runtime::Handle, endings: Vec<crate::peer::Task>) {
    let endings: Vec<_> = endings
        .into_iter()
        .map(|ending| runtime.spawn(ending))
        .collect();
    for ending in endings {
        // The runtime may have stopped, and the connections with it.
        let _ = ending.await;
    }
}
