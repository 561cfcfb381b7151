use super::{Header, PacketError, PacketType};

/// A call of a method that is never answered: method name, parameters.
///
/// An extension: the packet is sent only to a side that has declared support for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneWayPacket<'a> {
    /// The method name: up to 255 arbitrary bytes, possibly none.
    pub method: &'a [u8],
    /// The encoded parameters.
    pub params: &'a [u8],
}

impl<'a> OneWayPacket<'a> {
    /// Decodes the payload of a one-way request.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Truncated`] if the payload ends inside the name's length or the name.
    pub fn decode(payload: &'a [u8]) -> Result<Self, PacketError> {
        let truncated = |field, needs, has| PacketError::Truncated {
            kind: PacketType::ONE_WAY,
            field,
            needs,
            has,
        };
        let Some((&length, rest)) = payload.split_first() else {
            return Err(truncated("method name length", 1, 0));
        };
        let length = usize::from(length);
        let Some((method, params)) = rest.split_at_checked(length) else {
            return Err(truncated("method name", length, rest.len()));
        };
        Ok(Self { method, params })
    }

    /// Appends a one-way request up to its parameters, which the caller appends or sends next. Names longer than
    /// [`MAX_METHOD_LEN`](super::MAX_METHOD_LEN) are cut.
    pub fn encode_head(out: &mut Vec<u8>, method: &[u8], params_len: usize) {
        let name_len = u8::try_from(method.len()).unwrap_or(u8::MAX);
        let method = &method[..usize::from(name_len)];
        let length = u32::try_from(1 + method.len() + params_len).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::ONE_WAY, length).encode());
        out.push(name_len);
        out.extend_from_slice(method);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_requests_have_the_bytes_of_the_protocol() {
        let mut out = Vec::new();
        OneWayPacket::encode_head(&mut out, b"Arith.log", 3);
        out.extend_from_slice(b"\x02hi");
        assert_eq!(out, b"\xC7\x00\xC7\x04\x00\x00\x00\x0D\x09Arith.log\x02hi");
        let packet = OneWayPacket::decode(&out[Header::LEN..]).expect("well-formed");
        assert_eq!(
            (packet.method, packet.params),
            (&b"Arith.log"[..], &b"\x02hi"[..])
        );
        for truncated in [&b""[..], b"\x01", b"\x09Arith.lo"] {
            assert!(OneWayPacket::decode(truncated).is_err());
        }
    }
}
