use super::{Header, PacketError, PacketType};

/// The caller no longer wants the result of a call, and wants its answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The id of the request that is cancelled.
    pub id: u32,
}

impl Cancel {
    /// The length of a Cancel packet's payload.
    pub const PAYLOAD_LEN: u32 = 4;

    /// Reads the payload of a Cancel packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::CancelLength`] unless it is exactly four bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, PacketError> {
        let length = || u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let bytes = payload
            .try_into()
            .map_err(|_| PacketError::CancelLength(length()))?;
        Ok(Self {
            id: u32::from_be_bytes(bytes),
        })
    }

    /// Appends the packet.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Header::new(PacketType::CANCEL, Self::PAYLOAD_LEN).encode());
        out.extend_from_slice(&self.id.to_be_bytes());
    }
}
