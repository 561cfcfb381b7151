use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::channel::PublicKey;

/// Decides which public keys are admitted: a fixed set, or the keys that a function accepts.
///
/// ```
/// # use chirp_runtime as chirp;
/// use chirp::channel::{KeyPolicy, PublicKey};
///
/// # fn known(key: &PublicKey) -> bool { true }
/// let one: PublicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".parse()?;
/// let named = KeyPolicy::from(one);
/// let ruled = KeyPolicy::by(|key| known(key));
/// # Ok::<_, chirp::channel::PublicKeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyPolicy(Arc<dyn Fn(&PublicKey) -> bool + Send + Sync>);

impl KeyPolicy {
    /// Admits the keys for which `rule` returns `true`. The function is called in each handshake, before the key is
    /// proven, and must not block. A later change of its decision does not affect existing connections. A panic
    /// fails the handshake.
    pub fn by(rule: impl Fn(&PublicKey) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// Admits every key. Use it if the [`Identity`](crate::channel::Identity) is checked later, for example by an
    /// `AccessPolicy`.
    pub fn anyone() -> Self {
        Self::by(|_| true)
    }

    pub(super) fn admits(&self, key: &PublicKey) -> bool {
        (self.0)(key)
    }
}

/// Admits this key only.
impl From<PublicKey> for KeyPolicy {
    fn from(key: PublicKey) -> Self {
        Self::by(move |other| *other == key)
    }
}

/// Admits these keys.
impl<const N: usize> From<[PublicKey; N]> for KeyPolicy {
    fn from(keys: [PublicKey; N]) -> Self {
        keys.into_iter().collect()
    }
}

/// Admits these keys.
impl FromIterator<PublicKey> for KeyPolicy {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        let keys: HashSet<PublicKey> = keys.into_iter().collect();
        Self::by(move |key| keys.contains(key))
    }
}

impl fmt::Debug for KeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPolicy(..)")
    }
}
