use super::{Channel, InprocStream};

/// Creates a connected pair of channels in this process. Up to 64 KiB may be in flight in each direction.
pub fn memory() -> (Channel, Channel) {
    let (one, other) = InprocStream::pair();
    (one.into(), other.into())
}
