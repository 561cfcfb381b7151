use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::peer::connection::ConnectionCore;

/// The traffic of a connection since it started, as its channel sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes read from the channel: behind TLS, and before decompression.
    pub bytes_received: u64,
    /// Bytes that the channel has taken: before TLS, and after compression.
    pub bytes_sent: u64,
    /// Pauses of reading, because handlers or buffers were at a limit.
    pub read_pauses: u64,
    /// The total duration of the pauses that have ended.
    pub read_paused: Duration,
}

impl Traffic {
    /// Iterates over all values with their names. Durations are in microseconds.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // Destructured in full, so that no new field is forgotten.
        let Self {
            bytes_received,
            bytes_sent,
            read_pauses,
            read_paused,
        } = *self;
        [
            ("bytes_received", bytes_received),
            ("bytes_sent", bytes_sent),
            ("read_pauses", read_pauses),
            ("read_paused_micros", micros(read_paused)),
        ]
        .into_iter()
    }

    pub(super) fn of(connection: &ConnectionCore) -> Self {
        let rare = connection.known_rare();
        let pauses = rare.map(|rare| &rare.read_pauses);
        let load =
            |count: Option<&AtomicU64>| count.map_or(0, |count| count.load(Ordering::Relaxed));
        Self {
            bytes_received: connection.bytes_read.load(Ordering::Relaxed),
            bytes_sent: connection.bytes_written.load(Ordering::Relaxed),
            read_pauses: load(pauses.map(|pauses| &pauses.begun)),
            read_paused: Duration::from_micros(load(pauses.map(|pauses| &pauses.micros))),
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.read_pauses += other.read_pauses;
        self.read_paused += other.read_paused;
    }
}

/// The pauses of a connection's reader.
#[derive(Default)]
pub(in crate::peer) struct ReadPauses {
    begun: AtomicU64,
    /// The total duration of those that have ended, in microseconds.
    micros: AtomicU64,
}

impl ReadPauses {
    pub(in crate::peer) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::peer) fn end(&self, took: Duration) {
        self.micros.fetch_add(micros(took), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
