use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::peer::ConnectionError;
use crate::peer::connection::ConnectionCore;

/// How a connection is watched over: after `interval` without a packet from the other side it is asked for
/// a sign of life, and without one within `timeout` the connection ends with
/// [`ConnectionError::KeepAlive`].
///
/// Any packet is a sign of life, and so is any answer to the question, which is an ordinary call: it works
/// with every peer of Chirp v0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the other side may be silent before it is asked.
    pub interval: Duration,
    /// How long it may be silent after that.
    pub timeout: Duration,
}

/// Asks after 15 s of silence, and gives the other side 5 s to answer.
impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
        }
    }
}

/// The clock of timers is no finer.
const SHORTEST: Duration = Duration::from_millis(1);
/// How often, and how long each time, the reader is given the chance to find what has come before a connection is
/// given up.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(20);

/// Watches over a connection until it ends.
pub(in crate::peer) async fn watch(connection: Arc<ConnectionCore>, keep_alive: KeepAlive) {
    let mut heard = connection.lock().session.counters().packets_received;
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
        if connection.ends_within(keep_alive.timeout).await {
            return;
        }
        // If this process stood still, its timers are the first to know. What came meanwhile is read when the runtime
        // has looked at its sockets, and the reader has had its turn.
        let mut alive = hears(&connection, &mut heard);
        for _ in 0..LOOKS {
            if alive {
                break;
            }
            connection.wake_reader();
            if connection.ends_within(LOOK).await {
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

/// Whether anything has come since the last look.
fn hears(connection: &ConnectionCore, heard: &mut u64) -> bool {
    let state = connection.lock();
    // A side that does not read hears nothing, and is not to be surprised by it.
    let now = state.session.counters().packets_received;
    state.paused.is_some() || std::mem::replace(heard, now) != now
}
