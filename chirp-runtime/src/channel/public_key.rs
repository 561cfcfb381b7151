use std::fmt;
use std::str::FromStr;

/// The public half of a key pair, whose text is the name of whoever holds the other half.
///
/// It is an Ed25519 key. As text it is its 32 bytes in hexadecimal, 64 digits: that is what goes into
/// configuration, addresses and logs. It is no secret.
///
/// ```
/// # use chirp_runtime as chirp;
/// use chirp::channel::PublicKey;
///
/// let text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// let key: PublicKey = text.parse()?;
/// assert_eq!(key.to_string(), text);
/// # Ok::<_, chirp::channel::PublicKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; Self::LEN]);

impl PublicKey {
    /// The length of a key, in bytes.
    pub const LEN: usize = 32;

    /// The key of these bytes. Those that are no key are nobody's: whoever claims them is turned away.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    /// Reads 64 hexadecimal digits, small or large. Spaces around them, the end of a line for one, do not count.
    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let text = text.trim();
        let error = || PublicKeyError { text: text.into() };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; Self::LEN];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(error());
        }
        let digit = |digit: u8| char::from(digit).to_digit(16);
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = digit(high).zip(digit(low)).ok_or_else(error)?;
            *byte = u8::try_from(high << 4 | low).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A text that is no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a public key: one is 64 hexadecimal digits")]
pub struct PublicKeyError {
    text: String,
}
