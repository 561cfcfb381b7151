use std::time::Duration;

use bytes::{Buf, Bytes};

use super::{ErrorData, PacketError, PacketType};

/// Says that a side takes no new calls on this connection, apart from those of running handlers, and will close it
/// (PROTOCOL.md, "Going away").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoingAway {
    /// The time that running calls have to finish. `None` if it is not limited.
    pub grace: Option<Duration>,
    /// The reason. Empty if none was given.
    pub reason: ErrorData,
}

impl GoingAway {
    const HEAD_LEN: usize = 4;
    /// The value of the grace that stands for no limit.
    const UNLIMITED: u32 = u32::MAX;

    /// Encodes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let grace = self.grace.map_or(Self::UNLIMITED, |grace| {
            // A longer grace than the field can express is no limit.
            u32::try_from(grace.as_millis()).unwrap_or(Self::UNLIMITED)
        });
        let mut out = grace.to_be_bytes().to_vec();
        out.extend_from_slice(&self.reason.encode());
        out
    }

    /// Decodes a payload. Replaces invalid UTF-8 in the reason with U+FFFD.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Truncated`] if the grace is truncated, and [`PacketError::ErrorData`] if a field of the
    /// reason is.
    pub fn decode(mut payload: Bytes) -> Result<Self, PacketError> {
        let Some(&grace) = payload.first_chunk::<{ Self::HEAD_LEN }>() else {
            return Err(PacketError::Truncated {
                kind: PacketType::GOING_AWAY,
                field: "the grace",
                needs: Self::HEAD_LEN,
                has: payload.len(),
            });
        };
        payload.advance(Self::HEAD_LEN);
        let grace = u32::from_be_bytes(grace);
        Ok(Self {
            grace: (grace != Self::UNLIMITED).then(|| Duration::from_millis(grace.into())),
            reason: ErrorData::decode_lossy(payload)?,
        })
    }
}
