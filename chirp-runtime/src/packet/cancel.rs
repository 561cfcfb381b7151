use super::{Header, PacketError, PacketType};

/// Cancels a call: the caller no longer needs the result and asks for the response now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The id of the request to cancel.
    pub id: u32,
}

impl Cancel {
    /// The payload length of a Cancel packet, in bytes.
    pub const PAYLOAD_LEN: u32 = 4;

    /// Decodes the payload of a Cancel packet.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::CancelLength`] if the payload is not exactly four bytes long.
    pub fn decode(payload: &[u8]) -> Result<Self, PacketError> {
        let length = || u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let bytes = payload
            .try_into()
            .map_err(|_| PacketError::CancelLength(length()))?;
        Ok(Self {
            id: u32::from_be_bytes(bytes),
        })
    }

    /// Appends the packet to `out`.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Header::new(PacketType::CANCEL, Self::PAYLOAD_LEN).encode());
        out.extend_from_slice(&self.id.to_be_bytes());
    }
}
