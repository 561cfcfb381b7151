use std::borrow::Borrow;
use std::fmt;

use bytes::Bytes;

use super::CallError;
#[cfg(feature = "json")]
use crate::packet::JSON_SUFFIX;
use crate::packet::{MAX_METHOD_LEN, is_uncallable};

/// A method, named at compile time: `"Arith.sum_diff"`.
///
/// The name itself is transmitted, so logs, captures and peers in other languages can be read. A name that is too long
/// for a packet does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(&'static str);

impl MethodId {
    /// Creates the id of the method with this name.
    ///
    /// # Panics
    ///
    /// If the name is longer than 255 bytes; in a constant, that is a compile error.
    pub const fn new(name: &'static str) -> Self {
        assert!(
            name.len() <= MAX_METHOD_LEN,
            "a method's name is at most 255 bytes"
        );
        Self(name)
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a method to call. It may be any bytes; only the callee interprets them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MethodName(Bytes);

impl MethodName {
    /// Returns the name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether the values of a call of this name are in JSON.
    #[cfg(feature = "json")]
    pub(crate) fn is_json(&self) -> bool {
        self.0.ends_with(JSON_SUFFIX.as_bytes())
    }

    /// Returns whether the values of a call of this name are in JSON.
    #[cfg(not(feature = "json"))]
    #[expect(clippy::unused_self, reason = "as with the feature `json`")]
    pub(crate) fn is_json(&self) -> bool {
        false
    }

    /// Checks that a method of this name can be called.
    pub(super) fn check(&self) -> Result<(), CallError> {
        if self.0.len() > MAX_METHOD_LEN {
            return Err(CallError::NameTooLong { len: self.0.len() });
        }
        if is_uncallable(&self.0) {
            return Err(CallError::ReservedName);
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Names are looked up by their bytes.
impl Borrow<[u8]> for MethodName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Bytes that are not UTF-8 are escaped.
impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl From<MethodId> for MethodName {
    fn from(id: MethodId) -> Self {
        Self(Bytes::from_static(id.0.as_bytes()))
    }
}

impl From<&'static str> for MethodName {
    fn from(name: &'static str) -> Self {
        Self(Bytes::from_static(name.as_bytes()))
    }
}

impl From<String> for MethodName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<Bytes> for MethodName {
    fn from(name: Bytes) -> Self {
        Self(name)
    }
}
