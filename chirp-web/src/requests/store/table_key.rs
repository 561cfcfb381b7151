//! The keys of tables, as bytes. Keys of numbers have the order of the numbers.

/// Returns the key of a sequence number. It is also the form of a sequence number that is a value.
pub(super) fn sequence_key(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

/// Returns the sequence number at the end of a key or value. `None` if the bytes are too few.
pub(super) fn read_sequence(bytes: &[u8]) -> Option<u64> {
    bytes.last_chunk().copied().map(u64::from_be_bytes)
}

/// Returns the key of a request that expires at `millis`, in milliseconds since 1970.
pub(super) fn expiry_key(millis: u64, sequence: u64) -> [u8; 16] {
    (u128::from(millis) << 64 | u128::from(sequence)).to_be_bytes()
}

/// Returns the key of an owner's idempotency key. The length of the owner's name keeps apart names and keys that are the same
/// one after the other.
pub(super) fn owner_key(owner: &str, key: &str) -> Vec<u8> {
    let length = (owner.len() as u64).to_be_bytes();
    [&length, owner.as_bytes(), key.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    const NUMBERS: [u64; 6] = [0, 1, 255, 256, u64::MAX - 1, u64::MAX];

    #[test]
    fn keys_of_numbers_have_their_order() {
        let sequences = NUMBERS.map(sequence_key);
        assert!(sequences.is_sorted());
        let expiries = NUMBERS.map(|millis| NUMBERS.map(|sequence| expiry_key(millis, sequence)));
        assert!(expiries.as_flattened().is_sorted());
    }

    #[test]
    fn keys_hold_their_sequence_numbers() {
        for number in NUMBERS {
            assert_eq!(read_sequence(&sequence_key(number)), Some(number));
            assert_eq!(read_sequence(&expiry_key(7, number)), Some(number));
        }
        assert_eq!(read_sequence(&[1; 7]), None);
    }

    #[test]
    fn owners_and_keys_are_kept_apart() {
        assert_ne!(owner_key("ann", "x"), owner_key("an", "nx"));
        assert_ne!(owner_key("", "annx"), owner_key("annx", ""));
    }
}
