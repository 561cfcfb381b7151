use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::peer::{Peer, RetryPolicy, Task};

/// The default first and longest pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The default time that a call without a timeout waits for a connection.
const MAX_WAIT: Duration = Duration::from_secs(30);

type ConnectHook = dyn Fn(Peer) -> Task<Result<(), String>> + Send + Sync;

/// Called when the state has changed.
pub(super) type ChangeHook = Arc<dyn Fn() + Send + Sync>;

/// Settings of a [`ReconnectingPeer`](super::ReconnectingPeer): backoff, the waiting time of calls, and a hook for
/// new connections.
#[derive(Clone)]
pub struct ReconnectConfig {
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    pub(super) max_wait: Duration,
    pub(super) on_connect: Option<Arc<ConnectHook>>,
    pub(super) retry: Option<RetryPolicy>,
    /// Set by a balanced peer.
    pub(super) on_change: Option<ChangeHook>,
    pub(super) health: Option<Arc<str>>,
}

impl ReconnectConfig {
    /// Creates a configuration with the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the first and the longest pause between attempts to connect. The default is 20 ms and 500 ms. Pauses
    /// double until they reach the longest; the length of each is random, between half of it and the whole. They
    /// start again at the first after a connection over which a packet arrived, or which lasted for at least the
    /// longest pause.
    ///
    /// If thousands of clients connect to one server, use longer pauses.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }

    /// Sets how long a call without a timeout or deadline waits for a connection. The default is 30 s. A call with
    /// a timeout or deadline waits until then.
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Sets the policy of every call that has none of its own ([`Call::retry`](crate::peer::Call::retry)). Without a
    /// policy, a call is only sent again at once, over another connection.
    #[must_use]
    pub fn retry(mut self, policy: &RetryPolicy) -> Self {
        self.retry = Some(policy.clone());
        self
    }

    /// Uses a connection only while the other side says that `service` is serving ([`Health`](crate::health::Health)); the
    /// empty name stands for the other side as a whole. Otherwise the connection stays open, calls in progress go on, and new
    /// ones wait, or go to other addresses of a [`BalancedPeer`](super::BalancedPeer). The state is then
    /// [`ReconnectState::NotServing`](super::ReconnectState::NotServing).
    ///
    /// A side without `chirp.health` counts as serving; a service that the other side does not know does not. The state is
    /// watched by a stream, or asked for every few seconds if the two sides do not support streams. If the other side does
    /// not answer, it is asked again, at most once a second, and keeps its last state. The hook of
    /// [`on_connect`](Self::on_connect) runs when the service is serving for the first time.
    #[must_use]
    pub fn health(mut self, service: impl Into<Arc<str>>) -> Self {
        self.health = Some(service.into());
        self
    }

    /// Sets a hook that runs on each new connection before any call, for example to sign in or to subscribe. If the
    /// hook fails, panics or exceeds the connect timeout, the connection is closed and another is opened after a
    /// pause.
    #[must_use]
    pub fn on_connect<F, Fut, E>(mut self, on_connect: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.on_connect = Some(Arc::new(move |peer| {
            let connected = on_connect(peer);
            Box::pin(async move { connected.await.map_err(|error| error.to_string()) })
        }));
        self
    }
}

impl Default for ReconnectConfig {
    fn default() -> Self {
        Self {
            first_pause: FIRST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            max_wait: MAX_WAIT,
            on_connect: None,
            retry: None,
            on_change: None,
            health: None,
        }
    }
}

impl fmt::Debug for ReconnectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectConfig")
            .field("first_pause", &self.first_pause)
            .field("longest_pause", &self.longest_pause)
            .field("max_wait", &self.max_wait)
            .field("health", &self.health)
            .field("on_connect", &self.on_connect.is_some())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
