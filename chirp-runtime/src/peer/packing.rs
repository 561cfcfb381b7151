//! Packets that travel compressed, as far as the tasks have to do with them: what takes long is done here, where no lock
//! is held. Without the feature `lz4` there are none.

use super::connection::Connection;
use super::watching::observe;
use crate::packet::{Incoming, PacketError, PacketType};
use crate::session::Batch;

/// What came, with the packet inside in place of one that is compressed; and how long the payload of that one is.
#[cfg(feature = "lz4")]
pub(super) fn unpack(
    incoming: Incoming,
    limit: usize,
    wanted: impl FnOnce(PacketType) -> bool,
) -> Result<(Incoming, Option<u32>), PacketError> {
    let packed = match &incoming {
        Incoming::Packet {
            kind: PacketType::COMPRESSED,
            payload,
        } => u32::try_from(payload.len()).ok(),
        _ => return Ok((incoming, None)),
    };
    Ok((incoming.unpack(limit, wanted)?, packed))
}

#[cfg(not(feature = "lz4"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
pub(super) fn unpack(
    incoming: Incoming,
    _: usize,
    _: impl FnOnce(PacketType) -> bool,
) -> Result<(Incoming, Option<u32>), PacketError> {
    Ok((incoming, None))
}

/// Whether a batch takes so long to compress that only the writer should: others have calls to make and handlers to begin.
pub(super) fn is_heavy(batch: &Batch) -> bool {
    #[cfg(feature = "lz4")]
    return batch.is_heavy();
    #[cfg(not(feature = "lz4"))]
    {
        let _ = batch;
        false
    }
}

impl Connection {
    /// Makes a batch that has been taken ready to be written, and shows it to whoever observes it.
    pub(super) fn prepare(&self, batch: &mut Batch) {
        #[cfg(feature = "lz4")]
        if batch.compress() {
            use std::hash::{BuildHasher, RandomState};
            let nonce = RandomState::new().hash_one(0);
            let mut state = self.lock();
            if state.end.is_none() {
                // Whoever has the turn to write looks again before it is free. Where there are too many calls to ask
                // now, it is asked another time.
                let _ = state.session.ask_hello(nonce);
            }
        }
        if let Some(observer) = self.observer() {
            observe::show_sent(&observer, batch);
        }
    }
}
