use std::ops::AddAssign;

use super::CallOutcome;
use crate::packet::{FrameworkError, ResponsePacket, ResultCode};

/// Counters of a connection since it started.
///
/// Pending and running calls are not counted here, since their numbers go up and down: see
/// [`Session::pending`](super::Session::pending) and [`Session::running`](super::Session::running).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets received, including discarded ones. A request and its context count as one.
    pub packets_received: u64,
    /// Packets put into the transmit buffer and not removed again.
    pub packets_sent: u64,
    /// Packets discarded: those of other protocols and unknown types, responses to no pending call, and
    /// cancels of no pending call.
    pub packets_dropped: u64,
    /// Calls of the other side, including refused ones.
    pub calls_in: u64,
    /// Calls of the other side that returned the method's own error.
    pub calls_in_errors: u64,
    /// Calls of the other side that failed otherwise: unknown, refused or cancelled, or failed by the
    /// framework.
    pub calls_in_failed: u64,
    /// Calls of this side.
    pub calls_out: u64,
    /// Calls of this side that returned the method's own error.
    pub calls_out_errors: u64,
    /// Calls of this side that failed otherwise: unknown, refused, cancelled or disconnected.
    pub calls_out_failed: u64,
    /// Cancels received.
    pub cancels_in: u64,
    /// Streams opened by either side.
    pub streams: u64,
    /// Stream items received.
    pub items_in: u64,
    /// Stream items put into the transmit buffer.
    pub items_out: u64,
}

impl Counters {
    /// All counters with their names, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // Destructured in full, so that no new field is forgotten.
        let Self {
            packets_received,
            packets_sent,
            packets_dropped,
            calls_in,
            calls_in_errors,
            calls_in_failed,
            calls_out,
            calls_out_errors,
            calls_out_failed,
            cancels_in,
            streams,
            items_in,
            items_out,
        } = *self;
        [
            ("packets_received", packets_received),
            ("packets_sent", packets_sent),
            ("packets_dropped", packets_dropped),
            ("calls_in", calls_in),
            ("calls_in_errors", calls_in_errors),
            ("calls_in_failed", calls_in_failed),
            ("calls_out", calls_out),
            ("calls_out_errors", calls_out_errors),
            ("calls_out_failed", calls_out_failed),
            ("cancels_in", cancels_in),
            ("streams", streams),
            ("items_in", items_in),
            ("items_out", items_out),
        ]
        .into_iter()
    }

    /// Counts a call of the other side that was not answered with a result.
    #[cold]
    pub(super) fn note_failure_in(&mut self, code: ResultCode, data: &[u8]) {
        if is_own_error(code, data) {
            self.calls_in_errors += 1;
        } else {
            self.calls_in_failed += 1;
        }
    }

    /// Counts a call of this side that was not answered with a result.
    #[cold]
    pub(super) fn note_failure_out(&mut self, outcome: &CallOutcome) {
        match outcome {
            CallOutcome::Response(ResponsePacket { code, data, .. })
                if is_own_error(*code, data) =>
            {
                self.calls_out_errors += 1;
            }
            _ => self.calls_out_failed += 1,
        }
    }
}

/// Returns `true` if this is the method's own error rather than a framework error.
fn is_own_error(code: ResultCode, data: &[u8]) -> bool {
    code == ResultCode::ServiceError && FrameworkError::code_in(data).is_none()
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.packets_received += other.packets_received;
        self.packets_sent += other.packets_sent;
        self.packets_dropped += other.packets_dropped;
        self.calls_in += other.calls_in;
        self.calls_in_errors += other.calls_in_errors;
        self.calls_in_failed += other.calls_in_failed;
        self.calls_out += other.calls_out;
        self.calls_out_errors += other.calls_out_errors;
        self.calls_out_failed += other.calls_out_failed;
        self.cancels_in += other.cancels_in;
        self.streams += other.streams;
        self.items_in += other.items_in;
        self.items_out += other.items_out;
    }
}
