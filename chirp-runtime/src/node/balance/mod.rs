//! A client over several addresses.

mod balance_policy;
mod balanced_config;
mod balanced_peer;
mod balanced_state;
mod balancer;
mod picker;

pub use balance_policy::BalancePolicy;
pub use balanced_config::BalancedConfig;
pub use balanced_peer::{BalancedPeer, connect_any};
pub use balanced_state::{AddressState, BalancedState};
