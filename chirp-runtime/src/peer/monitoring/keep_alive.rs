use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::peer::ConnectionError;
use crate::peer::connection::ConnectionCore;
use crate::peer::monitoring::watchdog::Watchdog;

/// How a connection is watched over: after `interval` without a packet from the other side it is asked for
/// a sign of life, and without one within `timeout` the connection ends with
/// [`ConnectionError::KeepAlive`].
///
/// Any packet is a sign of life, a part of one too, and so is any answer to the question, which is an ordinary call: it works
/// with every peer of Chirp v0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the other side may be silent before it is asked.
    pub interval: Duration,
    /// How long it may be silent after that.
    pub timeout: Duration,
}

/// The clock of timers is no finer.
const SHORTEST: Duration = Duration::from_millis(1);
/// How often at most, and that long apart, the reader is asked to look for what has come.
const LOOKS: u32 = 1000;

/// Watches over a connection until it ends.
pub(in crate::peer) async fn watch(connection: Arc<ConnectionCore>, keep_alive: KeepAlive) {
    let mut heard = 0;
    // With no interval at all, a side that has paused reading would be looked at without a rest.
    let interval = keep_alive.interval.max(SHORTEST);
    loop {
        if connection.ends_within(interval).await {
            return;
        }
        if hears(&connection, &mut heard) {
            continue;
        }
        let nonce = RandomState::new().hash_one(heard);
        connection.with(|state, effects| {
            // When so many calls are pending that none more may be made, any of their answers will do.
            effects.wake_writer = state.session.ping(nonce).is_ok();
        });
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

/// Whether anything has come that the reader had not seen when the time was over, or the connection has ended: a timer
/// may go off before the reader has had its turn.
async fn hears_at_last(connection: &ConnectionCore, heard: &mut u64) -> bool {
    // The runtime looks at its sockets before it looks at this timer.
    if connection.ends_within(SHORTEST).await {
        return true;
    }
    // The first that ends may have begun before that.
    let looked = connection.empty_reads.load(Ordering::Acquire) + 2;
    for _ in 0..LOOKS {
        connection.wake_reader();
        if connection.ends_within(SHORTEST).await || hears(connection, heard) {
            return true;
        }
        if connection.empty_reads.load(Ordering::Acquire) >= looked {
            // What it found before that is counted by now.
            return hears(connection, heard);
        }
    }
    false
}

/// Whether anything has come since the last look, be it a part of a packet.
fn hears(connection: &ConnectionCore, heard: &mut u64) -> bool {
    let now = connection.bytes_read.load(Ordering::Relaxed);
    if std::mem::replace(heard, now) != now {
        return true;
    }
    // A side that does not read hears nothing, and is not to be surprised by it.
    let state = connection.lock();
    state.paused.is_some() || state.input_over
}
