use bytes::{Buf, Bytes};

use super::{ErrorData, Header, PacketError, PacketType};

const HEAD_LEN: usize = 5;

/// The answer to a call: request id, result code, data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponsePacket {
    /// The id of the request that this answers.
    pub id: u32,
    /// How the call went.
    pub code: ResultCode,
    /// The result, or the error data of a [`ResultCode::ServiceError`].
    pub data: Bytes,
}

impl ResponsePacket {
    /// Reads the payload of a Response packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::Truncated`] when it ends inside the id or the code, [`PacketError::ResultCode`]
    /// when there is no such code, [`PacketError::ErrorData`] when the code is a service error and the
    /// error data ends inside a field. Whether its text is UTF-8 is not checked here: that fails one call only.
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

    /// How long a Response packet's payload becomes.
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

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ResultCode {
    /// The method returned; the data is its result.
    Success = 0,
    /// The callee has no such method.
    UnknownMethod = 1,
    /// The caller used the id of a call that was pending.
    DuplicateRequest = 2,
    /// The call was cancelled before it had a result.
    Cancelled = 3,
    /// The method failed; the data is [`ErrorData`].
    ServiceError = 4,
}

impl ResultCode {
    /// The code that a byte stands for, if it is one.
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
