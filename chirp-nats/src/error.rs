use std::time::Duration;

use chirp_runtime::peer::RouteError;

/// The reason why a connection to NATS could not be made, or a server not be started.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// An address or a setting is not valid.
    #[error("{0}")]
    Settings(String),
    /// No server could be connected to, or the servers refused the credentials.
    #[error("cannot connect to NATS at {addresses}: {reason}")]
    Connect {
        /// The addresses of the servers.
        addresses: String,
        /// The reason.
        reason: String,
    },
    /// Two services have a method of the same name, or a name is not valid.
    #[error("{0}")]
    Route(RouteError),
    /// The NATS server has refused a subscription.
    #[error("the NATS server refuses a subscription: {0}")]
    NotPermitted(String),
    /// The NATS server did not answer a message to this process in time.
    #[error("no answer from the NATS server within {0:?}: are subscriptions to `{1}` permitted?")]
    NoAnswer(Duration, String),
    /// The connection has been closed.
    #[error("the connection to NATS has been closed")]
    Closed,
    /// A stream of JetStream is missing, or cannot be used.
    #[error("JetStream: {0}")]
    JetStream(String),
}

impl From<RouteError> for NatsError {
    fn from(error: RouteError) -> Self {
        Self::Route(error)
    }
}
