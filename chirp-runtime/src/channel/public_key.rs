use std::fmt;
use std::str::FromStr;

/// The public half of an Ed25519 key pair, which identifies the holder of the private half.
///
/// Its text form is 64 hexadecimal digits, for configuration files, addresses and logs. A public key is not a
/// secret.
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

    /// Creates a key from its bytes. Bytes that are not a valid key match no peer: a handshake that presents them
    /// fails.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    /// Parses 64 hexadecimal digits, in upper or lower case. Surrounding whitespace is ignored.
    ///
    /// # Errors
    ///
    /// Returns [`PublicKeyError`] for any other text.
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

/// The error for a text that is not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid public key `{text}`: expected 64 hexadecimal digits")]
pub struct PublicKeyError {
    text: String,
}
