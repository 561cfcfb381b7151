use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::peer::ConnectionError;
use crate::peer::connection::ConnectionCore;

/// Keep-alive of a connection: after `interval` without a packet from the peer, the peer is sent a ping. Without a
/// packet within `timeout`, the connection ends with [`ConnectionError::KeepAlive`].
///
/// Every packet is a sign of life, and so is every response to the ping, which is an ordinary call: it works with every
/// Chirp v0 peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the peer may be silent before it is sent a ping.
    pub interval: Duration,
    /// How long it may remain silent after that.
    pub timeout: Duration,
}

/// The shortest interval: timers are not finer.
const SHORTEST: Duration = Duration::from_millis(1);
/// How often the reader is given the chance to find packets that have arrived, before the connection is given up.
const CHECKS: u32 = 5;

/// How long each of these chances lasts.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Monitors a connection until it ends.
pub(in crate::peer) async fn watch(connection: Arc<ConnectionCore>, keep_alive: KeepAlive) {
    let mut heard = connection.look().session.counters().packets_received;
    // An interval of zero would check a side that has paused reading in a busy loop.
    let interval = keep_alive.interval.max(SHORTEST);
    loop {
        if connection.ends_within(interval).await {
            return;
        }
        if hears(&connection, &mut heard) {
            continue;
        }
        let nonce = RandomState::new().hash_one(heard);
        // At the limit of pending calls no ping can be sent; the response to any of them is as good.
        let _ = connection.lock().session.ping(nonce);
        if connection.ends_within(keep_alive.timeout).await {
            return;
        }
        // If this process stood still, its timers fire first. Packets that arrived in the meantime are found once the
        // runtime has polled its sockets and the reader has run.
        let mut alive = hears(&connection, &mut heard);
        for _ in 0..CHECKS {
            if alive {
                break;
            }
            connection.wake_reader();
            if connection.ends_within(CHECK_INTERVAL).await {
                return;
            }
            alive = hears(&connection, &mut heard);
        }
        if !alive {
            let silent = keep_alive.interval.saturating_add(keep_alive.timeout);
            return connection.end(ConnectionError::KeepAlive { silent });
        }
    }
}

/// Returns `true` if a packet has arrived since the last check.
fn hears(connection: &ConnectionCore, heard: &mut u64) -> bool {
    let state = connection.look();
    // A side that has paused reading receives nothing, so silence means nothing.
    let now = state.session.counters().packets_received;
    state.paused.is_some() || std::mem::replace(heard, now) != now
}
