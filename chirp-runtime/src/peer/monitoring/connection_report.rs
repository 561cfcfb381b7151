use crate::channel::{Endpoint, Identity};
use crate::peer::connection::ConnectionCore;
use crate::peer::{ConnectionStats, Traffic};
use crate::session::Counters;

/// The numbers of one connection at one time.
#[derive(Debug)]
pub(crate) struct ConnectionReport {
    /// The number at its server, if a server accepted the connection.
    pub(crate) number: Option<u64>,
    pub(crate) remote: Option<Endpoint>,
    pub(crate) identity: Identity,
    pub(crate) stats: ConnectionStats,
    pub(crate) counters: Counters,
    pub(crate) traffic: Traffic,
}

impl ConnectionReport {
    pub(super) fn of(connection: &ConnectionCore) -> Self {
        Self {
            number: connection.number.get().copied(),
            remote: connection.remote().cloned(),
            identity: connection.identity().clone(),
            stats: connection.stats(),
            counters: connection.look().session.counters(),
            traffic: Traffic::of(connection),
        }
    }
}
