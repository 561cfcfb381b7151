use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::channel::PublicKey;

/// Whose key is admitted: those that are named, or those that a rule of the program's allows.
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
    /// Those that `rule` allows. It is asked in each handshake, before the key is proven, and must not block. What
    /// it looks at may change: connections that there are stay.
    pub fn by(rule: impl Fn(&PublicKey) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// Everyone who has a key: for those who look at the [`Identity`](crate::channel::Identity) later.
    pub fn anyone() -> Self {
        Self::by(|_| true)
    }

    pub(super) fn admits(&self, key: &PublicKey) -> bool {
        (self.0)(key)
    }
}

/// The holder of this key.
impl From<PublicKey> for KeyPolicy {
    fn from(key: PublicKey) -> Self {
        Self::by(move |other| *other == key)
    }
}

/// The holders of these keys.
impl<const N: usize> From<[PublicKey; N]> for KeyPolicy {
    fn from(keys: [PublicKey; N]) -> Self {
        keys.into_iter().collect()
    }
}

/// The holders of these keys.
impl FromIterator<PublicKey> for KeyPolicy {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        let keys: HashSet<PublicKey> = keys.into_iter().collect();
        Self::by(move |key| keys.contains(key))
    }
}

impl fmt::Debug for KeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission(..)")
    }
}
