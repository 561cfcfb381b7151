use std::ops::AddAssign;

/// What has happened on a connection since it began.
///
/// Calls that are pending or running are not counted here, since they come and go:
/// [`Session::pending`](super::Session::pending) and [`Session::running`](super::Session::running).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets that came, those that were discarded included. A call and its context are one.
    pub packets_received: u64,
    /// Packets that were put into the transmit buffer and not taken back.
    pub packets_sent: u64,
    /// Packets that were discarded: of another protocol, of a type that nobody handles, answers that
    /// nobody waits for, and cancellations of nothing.
    pub packets_dropped: u64,
    /// Calls of the other side, those that were refused included.
    pub calls_in: u64,
    /// Those of them that were not answered with a result.
    pub calls_in_failed: u64,
    /// Calls of this side.
    pub calls_out: u64,
    /// Those of them that did not end with a result: failed, cancelled, or cut off.
    pub calls_out_failed: u64,
    /// Cancellations of the other side.
    pub cancels_in: u64,
    /// Streams that either side opened.
    pub streams: u64,
    /// Stream items that came.
    pub items_in: u64,
    /// Stream items that were put into the transmit buffer.
    pub items_out: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.packets_received += other.packets_received;
        self.packets_sent += other.packets_sent;
        self.packets_dropped += other.packets_dropped;
        self.calls_in += other.calls_in;
        self.calls_in_failed += other.calls_in_failed;
        self.calls_out += other.calls_out;
        self.calls_out_failed += other.calls_out_failed;
        self.cancels_in += other.cancels_in;
        self.streams += other.streams;
        self.items_in += other.items_in;
        self.items_out += other.items_out;
    }
}
