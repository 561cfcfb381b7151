use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::peer::{Peer, Task};

/// The first pause before connecting again, and the longest, unless told otherwise.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long a call without a time of its own waits for a connection, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

type ConnectHook = dyn Fn(Peer) -> Task<Result<(), String>> + Send + Sync;

/// How a [`ReconnectingPeer`](super::ReconnectingPeer) client comes back.
#[derive(Clone)]
pub struct ReconnectConfig {
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    pub(super) max_wait: Duration,
    pub(super) on_connect: Option<Arc<ConnectHook>>,
}

impl ReconnectConfig {
    /// The defaults, which each method speaks of.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first pause before connecting again and the longest, to which pauses grow by doubling while nobody
    /// answers: 20 ms and 500 ms unless changed. Each pause is of random length between one half of it and the
    /// whole. They begin anew after a connection over which something came, or which has lasted for at least the
    /// longest pause.
    ///
    /// Where thousands wait for one server, make them longer.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }

    /// How long a call waits for a connection when it has no time of its own: 30 s unless changed. One that
    /// has a timeout or a deadline waits for as long as that says, and not for longer or shorter.
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Does something with each new connection before calls go over it, such as to sign in or to subscribe. A
    /// failure or a panic ends the connection, and another is made after a pause. It has as much time as connecting has.
    #[must_use]
    pub fn on_connect<F, Fut, E>(mut self, on_connect: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.on_connect = Some(Arc::new(move |peer| {
            let prepared = on_connect(peer);
            Box::pin(async move { prepared.await.map_err(|error| error.to_string()) })
        }));
        self
    }
}

impl Default for ReconnectConfig {
    fn default() -> Self {
        Self {
            first_pause: FIRST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            max_wait: PATIENCE,
            on_connect: None,
        }
    }
}

impl fmt::Debug for ReconnectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectConfig")
            .field("first_pause", &self.first_pause)
            .field("longest_pause", &self.longest_pause)
            .field("patience", &self.max_wait)
            .field("prepares", &self.on_connect.is_some())
            .finish()
    }
}
