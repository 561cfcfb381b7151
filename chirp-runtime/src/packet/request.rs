use bytes::{Buf, Bytes};

use super::{Header, PacketError, PacketType};

/// The maximum length of a method name, in bytes. The length is sent as one byte.
pub const MAX_METHOD_LEN: usize = 255;

const ID_LEN: usize = 4;

/// A call of a method: request id, method name, parameters.
///
/// Stores the payload as received, so that decoding a request copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPacket {
    payload: Bytes,
}

impl RequestPacket {
    /// Creates a request as if it had been received. Names longer than [`MAX_METHOD_LEN`] are cut.
    pub fn new(id: u32, method: &[u8], params: &[u8]) -> Self {
        let name_len = u8::try_from(method.len()).unwrap_or(u8::MAX);
        let method = &method[..usize::from(name_len)];
        let mut payload = Vec::with_capacity(Self::payload_len(method, params.len()));
        payload.extend_from_slice(&id.to_be_bytes());
        payload.push(name_len);
        payload.extend_from_slice(method);
        payload.extend_from_slice(params);
        Self {
            payload: payload.into(),
        }
    }

    /// Decodes the payload of a Request packet.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Truncated`] if the payload ends inside the id, the name's length or the name.
    #[inline]
    pub fn decode(payload: Bytes) -> Result<Self, PacketError> {
        let has = payload.len();
        let truncated = |field, needs, has| PacketError::Truncated {
            kind: PacketType::REQUEST,
            field,
            needs,
            has,
        };
        if has < ID_LEN {
            return Err(truncated("request id", ID_LEN, has));
        }
        let Some(&name_len) = payload.get(ID_LEN) else {
            return Err(truncated("method name length", 1, 0));
        };
        let left = has - ID_LEN - 1;
        if left < usize::from(name_len) {
            return Err(truncated("method name", name_len.into(), left));
        }
        Ok(Self { payload })
    }

    /// Returns the request id, which the caller chose.
    pub fn id(&self) -> u32 {
        u32::from_be_bytes([
            self.payload[0],
            self.payload[1],
            self.payload[2],
            self.payload[3],
        ])
    }

    /// Returns the method name: up to 255 arbitrary bytes, possibly none.
    pub fn method(&self) -> &[u8] {
        &self.payload[ID_LEN + 1..self.params_at()]
    }

    /// Returns the encoded parameters.
    pub fn params(&self) -> &[u8] {
        &self.payload[self.params_at()..]
    }

    /// Converts the request into its encoded parameters without a copy.
    pub fn into_params(mut self) -> Bytes {
        self.payload.advance(self.params_at());
        self.payload
    }

    /// Returns the number of bytes that the request keeps in memory.
    pub fn size(&self) -> usize {
        self.payload.len()
    }

    fn params_at(&self) -> usize {
        ID_LEN + 1 + usize::from(self.payload[ID_LEN])
    }

    /// Returns the payload length of a Request packet, in bytes.
    pub fn payload_len(method: &[u8], params_len: usize) -> usize {
        ID_LEN + 1 + method.len() + params_len
    }

    /// Appends a Request packet up to its parameters, which the caller appends or sends next.
    ///
    /// `method` is at most [`MAX_METHOD_LEN`] bytes long and the payload at most `u32::MAX`. Callers check
    /// both; larger values are cut here so that the packet is never malformed.
    pub fn encode_head(out: &mut Vec<u8>, id: u32, method: &[u8], params_len: usize) {
        let name_len = u8::try_from(method.len()).unwrap_or(u8::MAX);
        let method = &method[..usize::from(name_len)];
        let length = u32::try_from(Self::payload_len(method, params_len)).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::REQUEST, length).encode());
        out.extend_from_slice(&id.to_be_bytes());
        out.push(name_len);
        out.extend_from_slice(method);
    }
}
