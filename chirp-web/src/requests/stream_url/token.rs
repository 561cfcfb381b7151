use std::fmt;

/// The unguessable part of the URL of a stream: 128 random bits.
///
/// Tokens are looked up in a hash map, not compared in constant time: the hash has a secret key, so the time of a lookup says nothing
/// about the tokens in the map.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StreamToken(u128);

/// The number of hexadecimal digits.
pub(super) const DIGITS: usize = 32;

impl StreamToken {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(u128::from_ne_bytes(bits)))
    }

    /// Parses the digits as they are written. A token has one spelling.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Hides the token, which lets everybody who knows it read the stream.
impl fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_spelling() {
        let token = StreamToken(0xab);
        let text = token.to_string();
        assert_eq!(text, "000000000000000000000000000000ab");
        assert_eq!(StreamToken::parse(&text), Some(token));
        for other in [
            &text.to_uppercase(),
            &text[1..],
            &format!("0{text}"),
            "+00000000000000000000000000000ab",
            "+000000000000000000000000000000b",
            "",
        ] {
            assert_eq!(StreamToken::parse(other), None, "{other}");
        }
    }
}
