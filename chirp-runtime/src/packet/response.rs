use bytes::{Buf, Bytes};

use super::{ErrorData, Header, PacketError, PacketType};

const HEAD_LEN: usize = 5;

/// The response to a call: request id, result code, data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponsePacket {
    /// The id of the request that is answered.
    pub id: u32,
    /// The outcome of the call.
    pub code: ResultCode,
    /// The encoded result, or the error data if the code is [`ResultCode::ServiceError`].
    pub data: Bytes,
}

impl ResponsePacket {
    /// Decodes the payload of a Response packet.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Truncated`] if the payload ends inside the id or the code,
    /// [`PacketError::ResultCode`] if the code is undefined, and [`PacketError::ErrorData`] if a field of a
    /// service error's data is truncated. The message of a service error is not checked for UTF-8, since a
    /// bad message fails only its own call.
    #[inline]
    pub fn decode(mut payload: Bytes) -> Result<Self, PacketError> {
        let Some(head) = payload.first_chunk::<HEAD_LEN>() else {
            return Err(PacketError::Truncated {
                kind: PacketType::RESPONSE,
                field: "request id and result code",
                needs: HEAD_LEN,
                has: payload.len(),
            });
        };
        let [i0, i1, i2, i3, code] = *head;
        let code = ResultCode::from_u8(code).ok_or(PacketError::ResultCode(code))?;
        payload.advance(HEAD_LEN);
        if code == ResultCode::ServiceError {
            ErrorData::check(&payload)?;
        }
        Ok(Self {
            id: u32::from_be_bytes([i0, i1, i2, i3]),
            code,
            data: payload,
        })
    }

    /// Returns the payload length of a Response packet, in bytes.
    pub fn payload_len(data_len: usize) -> usize {
        HEAD_LEN + data_len
    }

    /// Appends a Response packet up to its data, which the caller appends or sends next.
    pub fn encode_head(out: &mut Vec<u8>, id: u32, code: ResultCode, data_len: usize) {
        let length = u32::try_from(Self::payload_len(data_len)).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::RESPONSE, length).encode());
        out.extend_from_slice(&id.to_be_bytes());
        out.push(code as u8);
    }
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResultCode {
    /// The method returned. The data is its result.
    Success = 0,
    /// The callee has no such method.
    UnknownMethod = 1,
    /// The caller reused the id of a pending call.
    DuplicateRequest = 2,
    /// The call was cancelled before it had a result.
    Cancelled = 3,
    /// The method failed. The data is [`ErrorData`].
    ServiceError = 4,
}

impl ResultCode {
    /// Returns the code for a byte, or `None` if the code is undefined.
    pub fn from_u8(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Success,
            1 => Self::UnknownMethod,
            2 => Self::DuplicateRequest,
            3 => Self::Cancelled,
            4 => Self::ServiceError,
            _ => return None,
        })
    }
}
