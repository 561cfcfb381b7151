use std::time::Duration;

/// How much one connection may hold, and how long it may wait. Every default can be changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest packet payload, in bytes: 16 MiB. A larger call is refused before it is sent; a larger
    /// packet that comes in is skipped, and fails its call alone.
    pub payload: usize,
    /// Calls that this side waits for: 65,536. The next fails at once.
    pub pending: usize,
    /// Ids that the other side keeps from being used, by not answering calls that were cancelled or by
    /// saying that an id was in use: 16,384. One more ends the connection.
    pub abandoned: usize,
    /// How long a call that this side cancelled may go without an answer while others are answered: 60 s.
    /// Longer ends the connection. [`Duration::MAX`] stands for ever.
    pub abandoned_for: Duration,
    /// Calls that this side runs: 4,096. At the limit reading pauses for [`busy_after`](Self::busy_after);
    /// then further calls are answered *busy*.
    pub running: usize,
    /// Payload bytes of the calls that this side runs: 32 MiB. Over the mark reading pauses,
    /// for [`stall`](Self::stall) at most; then further calls are answered *busy*.
    pub running_bytes: usize,
    /// Bytes that wait to be written: 8 MiB, overshot by one packet at most. Over the mark calls and
    /// answers wait for room, and reading pauses.
    pub unsent: usize,
    /// Whether this side accepts the protocol's extensions: yes. Without them it is a peer of plain Chirp v0
    /// that answers `chirp.hello`.
    pub extensions: bool,
    /// How long reading pauses at [`running`](Self::running): 100 ms.
    pub busy_after: Duration,
    /// How long the other side may take to accept 64 KiB, or all there is, and to go on by as much with a
    /// packet that it has begun: 30 s. Longer ends the connection.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: 16 << 20,
            pending: 65_536,
            abandoned: 16_384,
            abandoned_for: Duration::from_mins(1),
            running: 4_096,
            running_bytes: 32 << 20,
            unsent: 8 << 20,
            extensions: true,
            busy_after: Duration::from_millis(100),
            stall: Duration::from_secs(30),
        }
    }
}
