//! Packets that travel compressed, as far as the tasks have to do with them: what takes long is done here, where no lock
//! is held. Without the feature `lz4` there are none.

#[cfg(feature = "lz4")]
use std::hash::{BuildHasher, RandomState};

use super::connection::ConnectionCore;
use super::monitoring::observe::{self, Observer};
use crate::packet::{IncomingPacket, PacketError, PacketType};
use crate::session::Batch;

/// Whether what came is a compressed packet.
pub(super) fn is_packed(incoming: &IncomingPacket) -> bool {
    #[cfg(feature = "lz4")]
    return incoming.is_compressed();
    #[cfg(not(feature = "lz4"))]
    {
        let _ = incoming;
        false
    }
}

/// The packet inside one that is compressed, which an observer is shown, and how many bytes it is to be kept in.
#[cold]
#[cfg(feature = "lz4")]
pub(super) fn unpack(
    packed: IncomingPacket,
    limit: usize,
    wanted: impl FnOnce(PacketType) -> bool,
    observer: Option<&Observer>,
) -> Result<(IncomingPacket, usize), PacketError> {
    let shown = observer.map(|observer| (observer, packed.clone()));
    let on_its_way = match &packed {
        IncomingPacket::Packet { payload, .. } => u32::try_from(payload.len()).ok(),
        IncomingPacket::Oversized { .. } | IncomingPacket::Discarded(_) => None,
    };
    let unpacked = packed.unpack(limit, wanted);
    match (shown, &unpacked) {
        (Some((observer, _)), Ok(inside)) => observe::show_received(observer, inside, on_its_way),
        // It is shown as it came.
        (Some((observer, packed)), Err(_)) => observe::show_received(observer, &packed, None),
        (None, _) => {}
    }
    let inside = unpacked?;
    let length = match &inside {
        IncomingPacket::Packet { payload, .. } => payload.len(),
        IncomingPacket::Oversized { .. } | IncomingPacket::Discarded(_) => 0,
    };
    Ok((inside, length))
}

#[cfg(not(feature = "lz4"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
pub(super) fn unpack(
    packed: IncomingPacket,
    _: usize,
    _: impl FnOnce(PacketType) -> bool,
    _: Option<&Observer>,
) -> Result<(IncomingPacket, usize), PacketError> {
    Ok((packed, 0))
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

impl ConnectionCore {
    /// Makes a batch that has been taken ready to be written, and shows it to whoever observes it.
    pub(super) fn prepare(&self, batch: &mut Batch) {
        #[cfg(feature = "lz4")]
        if batch.compress() {
            self.ask_for_compression();
        }
        if let Some(observer) = self.observer() {
            observe::show_sent(&observer, batch);
        }
    }

    /// Asks what the other side accepts, since something large was sent as it is. Whoever has the turn to write looks
    /// again before it is free. Where there are too many calls to ask now, it is asked another time.
    #[cold]
    #[cfg(feature = "lz4")]
    fn ask_for_compression(&self) {
        let nonce = RandomState::new().hash_one(0);
        let mut state = self.lock();
        if state.end.is_none() {
            let _ = state.session.ask_hello(nonce);
        }
    }
}
