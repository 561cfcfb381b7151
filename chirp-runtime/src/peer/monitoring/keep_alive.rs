use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::peer::ConnectionError;
use crate::peer::connection::ConnectionCore;
use crate::peer::monitoring::watchdog::Watchdog;

/// Keep-alive of a connection: after `interval` without a packet from the peer, the peer is sent a ping. Without a
/// packet within `timeout`, the connection ends with [`ConnectionError::KeepAlive`].
///
/// Every byte that arrives is a sign of life, and so is every response to the ping, which is an ordinary call: it works with
/// every Chirp v0 peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the peer may be silent before it is sent a ping.
    pub interval: Duration,
    /// How long it may remain silent after that.
    pub timeout: Duration,
}

/// An interval of 15 s and a timeout of 5 s, which detect a dead connection within 20 s.
impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
        }
    }
}

/// The shortest interval: timers are not finer.
const SHORTEST: Duration = Duration::from_millis(1);
/// The maximum number of times that the reader is asked to look for bytes, 1 ms apart.
const CHECKS: u32 = 1000;

/// Monitors a connection until it ends.
pub(in crate::peer) async fn watch(connection: Arc<ConnectionCore>, keep_alive: KeepAlive) {
    let mut heard = 0;
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
        if connection
            .ends_before(Watchdog::new(keep_alive.timeout))
            .await
        {
            return;
        }
        if hears(&connection, &mut heard) || hears_at_last(&connection, &mut heard).await {
            continue;
        }
        let silent = keep_alive.interval.saturating_add(keep_alive.timeout);
        return connection.end(ConnectionError::KeepAlive { silent });
    }
}

/// Returns `true` if the reader finds bytes that had arrived when the time was over, or if the connection has ended: a timer
/// may fire before the reader has run.
async fn hears_at_last(connection: &ConnectionCore, heard: &mut u64) -> bool {
    // The runtime polls its sockets before this timer fires.
    if connection.ends_within(SHORTEST).await {
        return true;
    }
    // The first empty read may have begun before that.
    let looked = connection.empty_reads.load(Ordering::Acquire) + 2;
    for _ in 0..CHECKS {
        connection.wake_reader();
        if connection.ends_within(SHORTEST).await || hears(connection, heard) {
            return true;
        }
        if connection.empty_reads.load(Ordering::Acquire) >= looked {
            // Bytes that it found before that are counted by now.
            return hears(connection, heard);
        }
    }
    false
}

/// Returns `true` if bytes have arrived since the last check, even if only part of a packet.
fn hears(connection: &ConnectionCore, heard: &mut u64) -> bool {
    let now = connection.bytes_read.load(Ordering::Relaxed);
    if std::mem::replace(heard, now) != now {
        return true;
    }
    // A side that has paused reading receives nothing, so silence means nothing.
    let state = connection.look();
    state.paused.is_some() || state.input_over
}
