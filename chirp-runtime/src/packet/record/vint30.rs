use std::fmt;

/// An unsigned 30-bit integer, encoded in one to four bytes (PROTOCOL.md, Appendix A).
///
/// Values below 64 take one byte, below 16,384 two, below 4,194,304 three, and all others four.
///
/// ```
/// # use chirp_runtime as chirp;
/// use chirp::packet::Vint30;
///
/// let mut bytes = Vec::new();
/// Vint30::new(500)?.encode(&mut bytes);
/// assert_eq!(bytes, [0xD1, 0x07]);
/// assert!(Vint30::new(1 << 30).is_err());
/// # Ok::<(), chirp::packet::Vint30Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vint30(u32);

/// The error of converting a value that does not fit into 30 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not fit into a Vint30: the largest value is 1073741823")]
pub struct Vint30Error(u64);

impl Vint30 {
    /// The largest value, 2^30 − 1.
    pub const MAX: Self = Self((1 << 30) - 1);

    /// Creates a `Vint30` with the given value.
    ///
    /// # Errors
    ///
    /// Returns [`Vint30Error`] if the value is above [`MAX`](Self::MAX).
    pub const fn new(value: u32) -> Result<Self, Vint30Error> {
        if value > Self::MAX.0 {
            // `From` is not const.
            return Err(Vint30Error(value as u64));
        }
        Ok(Self(value))
    }

    /// Creates a `Vint30` from a length.
    pub(super) fn of_len(len: usize) -> Result<Self, Vint30Error> {
        match u32::try_from(len) {
            Ok(value) => Self::new(value),
            Err(_) => Err(Vint30Error(len.try_into().unwrap_or(u64::MAX))),
        }
    }

    /// Returns the value.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the encoded length in bytes, from 1 to 4.
    pub const fn encoded_len(self) -> usize {
        match self.0 {
            0..0x40 => 1,
            0x40..0x4000 => 2,
            0x4000..0x40_0000 => 3,
            _ => 4,
        }
    }

    /// Appends the value in its shortest form.
    pub fn encode(self, out: &mut Vec<u8>) {
        let len = self.encoded_len();
        // The low two bits hold the number of bytes that follow the first.
        let further = u32::try_from(len - 1).unwrap_or(0);
        out.extend_from_slice(&(self.0 << 2 | further).to_le_bytes()[..len]);
    }

    /// Takes an integer off the front of `bytes`, in any valid encoding. Returns `None` if the bytes end first.
    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let len = usize::from(bytes.first()? & 3) + 1;
        let (taken, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        let mut word = [0; 4];
        word[..len].copy_from_slice(taken);
        Some(Self(u32::from_le_bytes(word) >> 2))
    }
}

impl fmt::Display for Vint30 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u32> for Vint30 {
    type Error = Vint30Error;

    fn try_from(value: u32) -> Result<Self, Vint30Error> {
        Self::new(value)
    }
}

impl From<u8> for Vint30 {
    fn from(value: u8) -> Self {
        Self(value.into())
    }
}

impl From<u16> for Vint30 {
    fn from(value: u16) -> Self {
        Self(value.into())
    }
}

impl From<Vint30> for u32 {
    fn from(value: Vint30) -> Self {
        value.0
    }
}
