/// Counters of connections that servers accept, and that clients make again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounters {
    /// Connections that servers have accepted.
    pub accepted: u64,
    /// Connections that servers have closed before they were accepted: a handshake failed, timed out or made room for
    /// another connection, or a hook panicked.
    pub refused: u64,
    /// Attempts of reconnecting clients, balanced clients and nodes to connect, except for the first attempt of each client
    /// to each address and of each node to each other node.
    pub reconnect_attempts: u64,
    /// Those attempts that led to a connection.
    pub reconnects: u64,
}

impl ConnectionCounters {
    /// Iterates over all counters with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // Destructured in full, so that no new field is forgotten.
        let Self {
            accepted,
            refused,
            reconnect_attempts,
            reconnects,
        } = *self;
        [
            ("connections_accepted", accepted),
            ("connections_refused", refused),
            ("reconnect_attempts", reconnect_attempts),
            ("reconnects", reconnects),
        ]
        .into_iter()
    }
}
