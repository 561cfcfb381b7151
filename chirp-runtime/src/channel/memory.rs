use super::Channel;

/// How many bytes may be on their way in each direction.
const CAPACITY: usize = 64 << 10;

/// Two ends of a channel in this process. What one end writes the other reads; 64 KiB may be on their
/// way in each direction.
pub fn memory() -> (Channel, Channel) {
    let (one, other) = tokio::io::duplex(CAPACITY);
    (Channel::io(one), Channel::io(other))
}
