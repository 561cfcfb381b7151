use std::fmt;
use std::str::FromStr;

/// The ID of a deferred request: 128 random bits, written as 32 hexadecimal digits. Knowing an ID is not enough to see the request,
/// unless its caller was anonymous.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeferredId([u8; 16]);

/// The text is not the ID of a deferred request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ID of a deferred request is 32 hexadecimal digits")]
pub struct DeferredIdError;

impl DeferredId {
    /// Creates a random ID.
    ///
    /// # Errors
    ///
    /// The error of the system's random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the ID with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the ID.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DeferredId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DeferredId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeferredId({self})")
    }
}

impl FromStr for DeferredId {
    type Err = DeferredIdError;

    fn from_str(text: &str) -> Result<Self, DeferredIdError> {
        let is_lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.as_bytes().iter().all(is_lower) {
            return Err(DeferredIdError);
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| DeferredIdError)?;
        Ok(Self(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_nothing_else_is() {
        let id = DeferredId::from_bytes(*b"\x00\x01\xff3456789abcdef");
        let text = id.to_string();
        assert_eq!(text, "0001ff33343536373839616263646566");
        assert_eq!(text.parse(), Ok(id));
        for wrong in [
            "",
            &text[1..],
            &text.to_uppercase(),
            &format!("+{}", &text[1..]),
        ] {
            assert_eq!(wrong.parse::<DeferredId>(), Err(DeferredIdError), "{wrong}");
        }
    }
}
