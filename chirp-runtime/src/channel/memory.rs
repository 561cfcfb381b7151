use super::{Channel, InprocStream};

/// Two ends of a channel in this process. What one end writes the other reads; 64 KiB may be on their
/// way in each direction.
pub fn memory() -> (Channel, Channel) {
    let (one, other) = InprocStream::pair();
    (one.into(), other.into())
}
