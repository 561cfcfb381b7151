//! Compressed packets. Compressing and decompressing take long, so both happen outside of the lock. Without the feature
//! `lz4` nothing is compressed.

#[cfg(feature = "lz4")]
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;

use super::connection_core::ConnectionCore;
use crate::packet::{IncomingPacket, PacketError, PacketType};
use crate::peer::monitoring::observe::{self, Observer};
use crate::session::Batch;

/// Returns `true` if a received packet is compressed.
pub(in crate::peer) fn is_packed(incoming: &IncomingPacket) -> bool {
    #[cfg(feature = "lz4")]
    return incoming.is_compressed();
    #[cfg(not(feature = "lz4"))]
    {
        let _ = incoming;
        false
    }
}

/// Decompresses a packet and shows it to the observer. Returns the inner packet, and the size of the buffer that it is
/// kept in.
#[cold]
#[cfg(feature = "lz4")]
pub(in crate::peer) fn unpack(
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
        // Shown as received.
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
pub(in crate::peer) fn unpack(
    packed: IncomingPacket,
    _: usize,
    _: impl FnOnce(PacketType) -> bool,
    _: Option<&Observer>,
) -> Result<(IncomingPacket, usize), PacketError> {
    Ok((packed, 0))
}

/// Returns `true` if compressing a batch takes so long that only the writer task should do it: other tasks have calls
/// to make and handlers to start.
pub(in crate::peer) fn is_heavy(batch: &Batch) -> bool {
    #[cfg(feature = "lz4")]
    return batch.is_heavy();
    #[cfg(not(feature = "lz4"))]
    {
        let _ = batch;
        false
    }
}

impl ConnectionCore {
    /// Returns `true` if a batch must be [prepared](Self::prepare) before it is written.
    #[inline]
    pub(in crate::peer) fn needs_preparation(&self, batch: &Batch) -> bool {
        #[cfg(feature = "lz4")]
        if batch.may_be_compressed() {
            return true;
        }
        #[cfg(not(feature = "lz4"))]
        let _ = batch;
        self.observed.load(Ordering::Acquire)
    }

    /// Compresses a batch and shows it to the observer.
    pub(in crate::peer) fn prepare(&self, batch: &mut Batch) {
        #[cfg(feature = "lz4")]
        if batch.compress() {
            self.ask_for_compression();
        }
        if let Some(observer) = self.observer() {
            observe::show_sent(&observer, batch);
        }
    }

    /// Asks for the peer's extensions because a large payload was sent uncompressed. The holder of the turn looks for
    /// more output before it releases the turn. At the limit of pending calls, the question is asked another time.
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
