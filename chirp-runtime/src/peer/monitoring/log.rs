//! Events of connections for operators: `tracing` events with the feature `tracing`, nothing without it.
//!
//! Events of normal operation are INFO. Violations of the protocol by the peer are WARN.

#[cfg(feature = "tracing")]
mod with_tracing {
    use std::fmt;

    use crate::channel::Endpoint;
    use crate::packet::GoingAway;
    use crate::peer::ConnectionError;
    use crate::peer::connection::ConnectionCore;

    /// The address of a peer in a log line.
    pub(in crate::peer) fn address(remote: Option<&Endpoint>) -> impl fmt::Display {
        remote.map_or_else(
            || "a peer without an address".to_owned(),
            ToString::to_string,
        )
    }

    /// A peer was started on a channel.
    pub(in crate::peer) fn connected(connection: &ConnectionCore) {
        tracing::info!(peer = %address(connection.remote()), "connected");
    }

    /// A connection has ended. `drained` says whether all of its work was done first.
    pub(in crate::peer) fn ended(
        connection: &ConnectionCore,
        reason: &ConnectionError,
        drained: bool,
    ) {
        let peer = address(connection.remote());
        match reason {
            ConnectionError::Protocol(_)
            | ConnectionError::PacketTooLarge { .. }
            | ConnectionError::Flooded { .. } => {
                tracing::warn!(%peer, %reason, "disconnected");
            }
            _ if drained => tracing::info!(%peer, %reason, "drained"),
            _ => tracing::info!(%peer, %reason, "disconnected"),
        }
    }

    /// The peer goes away.
    pub(in crate::peer) fn going_away(connection: &ConnectionCore, packet: &GoingAway) {
        let peer = address(connection.remote());
        if packet.reason.is_empty() {
            tracing::info!(%peer, grace = ?packet.grace, "draining");
        } else {
            tracing::info!(%peer, grace = ?packet.grace, reason = %packet.reason, "draining");
        }
    }

    /// A handler panicked.
    pub(in crate::peer) fn panicked(
        method: &[u8],
        remote: Option<&Endpoint>,
        reference: u64,
        text: &str,
    ) {
        tracing::error!(
            reference = format_args!("{reference:016x}"),
            method = %method.escape_ascii(),
            peer = %address(remote),
            "a handler panicked: {text}"
        );
    }

    /// A peer called a method that nothing here serves. `served` lists the methods that it may call.
    pub(in crate::peer) fn unknown_method(
        method: &[u8],
        remote: Option<&Endpoint>,
        served: impl FnOnce() -> String,
    ) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!(
                method = %method.escape_ascii(),
                peer = %address(remote),
                "unknown method (served here: {})",
                served()
            );
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod without_tracing {
    use crate::channel::Endpoint;
    use crate::packet::GoingAway;
    use crate::peer::ConnectionError;
    use crate::peer::connection::ConnectionCore;

    pub(in crate::peer) fn going_away(_: &ConnectionCore, _: &GoingAway) {}

    pub(in crate::peer) fn connected(_: &ConnectionCore) {}

    pub(in crate::peer) fn ended(_: &ConnectionCore, _: &ConnectionError, _: bool) {}

    pub(in crate::peer) fn panicked(_: &[u8], _: Option<&Endpoint>, _: u64, _: &str) {}

    pub(in crate::peer) fn unknown_method(
        _: &[u8],
        _: Option<&Endpoint>,
        _: impl FnOnce() -> String,
    ) {
    }
}

#[cfg(feature = "tracing")]
pub(in crate::peer) use with_tracing::{connected, ended, going_away, panicked, unknown_method};
#[cfg(not(feature = "tracing"))]
pub(in crate::peer) use without_tracing::{connected, ended, going_away, panicked, unknown_method};
