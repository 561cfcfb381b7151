//! Names of nodes, and who may have them.

use std::collections::HashMap;

use crate::channel::{Identity, PublicKey};

/// The bytes of a node's or network's name.
const MAX_NAME: usize = 255;

/// The keys of nodes that have a name of their own, by that name.
pub(super) type KnownKeys = HashMap<String, PublicKey>;

/// Checks the form of a node's or network's name.
pub(super) fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("it is empty".into());
    }
    if name.len() > MAX_NAME {
        return Err(format!("it has {} bytes, at most {MAX_NAME}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err("it contains a control character".into());
    }
    if name.trim() != name {
        return Err("it begins or ends with white space".into());
    }
    Ok(())
}

/// Decides whether the other end of a channel may have a name. Returns whether it has proven the name.
///
/// A name that is the text of a key, or that is known by a key, belongs to that key. A key has no other name, and a
/// certificate only those that it contains.
pub(super) fn judge(name: &str, identity: &Identity, known: &KnownKeys) -> Result<bool, String> {
    let owner = match known.get(name) {
        Some(key) => Some(*key),
        None => name.parse().ok(),
    };
    if let Some(key) = owner {
        let is_other_spelling = !known.contains_key(name) && *name != *key.to_string();
        if is_other_spelling {
            return Err(format!(
                "the name {name:?} is not how the key {key} is written"
            ));
        }
        return if identity.is_key(&key) {
            Ok(true)
        } else {
            Err(format!(
                "the name {name:?} belongs to the key {key}, and the other side is {identity}"
            ))
        };
    }
    match identity {
        Identity::Key(key) => Err(format!(
            "the name {name:?} is not known to belong to the key {key}"
        )),
        Identity::Names(names) if !names.contains(name) => Err(format!(
            "the name {name:?} is not in the certificate of {names}"
        )),
        Identity::Account(account) if **account != *name => Err(format!(
            "the name {name:?} is not that of the account {account:?}"
        )),
        Identity::Names(_) | Identity::Account(_) => Ok(true),
        Identity::Anonymous | Identity::Unix(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::CertificateNames;

    #[test]
    fn names_have_a_form() {
        for name in ["a", "Ä b", &"n".repeat(255)] {
            check(name).expect("a name");
        }
        for name in ["", " a", "a\n", "a\0b", &"n".repeat(256)] {
            check(name).expect_err("no name");
        }
    }

    #[test]
    fn a_name_with_a_key_is_given_to_that_key_alone() {
        let (one, other) = (
            PublicKey::from_bytes([1; 32]),
            PublicKey::from_bytes([2; 32]),
        );
        let known = KnownKeys::from([("beta".to_owned(), one)]);
        let judge = |name: &str, identity: Identity| judge(name, &identity, &known);
        assert_eq!(judge("beta", Identity::Key(one)), Ok(true));
        assert_eq!(judge(&other.to_string(), Identity::Key(other)), Ok(true));
        for (name, identity) in [
            ("beta", Identity::Key(other)),
            ("beta", Identity::Anonymous),
            ("gamma", Identity::Key(one)),
            (&*other.to_string(), Identity::Key(one)),
            (
                &*PublicKey::from_bytes([0xab; 32]).to_string().to_uppercase(),
                Identity::Key(PublicKey::from_bytes([0xab; 32])),
            ),
            (&*other.to_string(), Identity::Anonymous),
            (&*other.to_string().to_uppercase(), Identity::Anonymous),
        ] {
            judge(name, identity).expect_err("not this name");
        }
        assert_eq!(judge("gamma", Identity::Anonymous), Ok(false));
    }

    #[test]
    fn a_certificate_proves_its_names() {
        let known = KnownKeys::new();
        let identity = Identity::Names(CertificateNames::new(["beta", "beta.example"]));
        assert_eq!(judge("beta", &identity, &known), Ok(true));
        judge("gamma", &identity, &known).expect_err("not this name");
    }
}
