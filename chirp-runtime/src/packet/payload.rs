use std::fmt;

use bytes::Bytes;

/// The parameters of a call or the data of an answer, on their way out.
///
/// Encoded values are in a `Vec` that its maker may want back for the next value; bytes that already
/// stand somewhere are shared. Either converts into this with `.into()`.
#[derive(Clone)]
pub struct Payload(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Vec<u8>),
    Shared(Bytes),
}

impl Payload {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Owned(vec) => vec,
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The bytes, shareable; nothing is copied.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Owned(vec) => vec.into(),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The buffer itself, when there is one to use again.
    pub fn into_vec(self) -> Option<Vec<u8>> {
        match self.0 {
            Repr::Owned(vec) => Some(vec),
            Repr::Shared(_) => None,
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self(Repr::Shared(Bytes::new()))
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Owned(bytes))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::Shared(bytes))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(Repr::Owned(text.into_bytes()))
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Self(Repr::Shared(Bytes::from_static(text.as_bytes())))
    }
}

impl From<&'static [u8]> for Payload {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Repr::Shared(Bytes::from_static(bytes)))
    }
}

impl From<()> for Payload {
    fn from((): ()) -> Self {
        Self::default()
    }
}
