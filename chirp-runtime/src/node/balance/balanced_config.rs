use super::BalancePolicy;
use crate::node::ReconnectConfig;

/// Settings of a [`BalancedPeer`](super::BalancedPeer).
#[derive(Clone, Debug, Default)]
pub struct BalancedConfig {
    pub(super) policy: BalancePolicy,
    pub(super) reconnect: ReconnectConfig,
}

impl BalancedConfig {
    /// Creates a configuration with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how the connection of a call is chosen. The default is [`BalancePolicy::LeastPending`].
    #[must_use]
    pub fn policy(mut self, policy: BalancePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how each address is connected again, how long calls wait while no address is connected, and the policy of
    /// calls that fail.
    #[must_use]
    pub fn reconnect(mut self, reconnect: ReconnectConfig) -> Self {
        self.reconnect = reconnect;
        self
    }
}
