use std::collections::HashMap;

/// How many quick runs in a row a method needs to be trusted again.
const FAST_RUNS_TO_CLEAR: u32 = 8;

/// Methods that are remembered; a caller of made-up names gets no further.
const MAX_METHODS: usize = 256;

/// How much of a method's name is looked at, in bytes.
pub(in crate::peer) const KEPT: usize = 64;

/// The methods whose handlers took too long to return from their first poll.
///
/// While a method is slow, a new dispatcher takes the queue before its handler begins. One offence proves
/// little, since the operating system may have taken the thread away: a method that is quick for a while
/// is forgiven, and one that computes or blocks never is.
#[derive(Default)]
pub(in crate::peer) struct SlowMethods {
    /// The methods, and how many quick runs each has had since it was slow.
    methods: HashMap<Box<[u8]>, u32>,
}

impl SlowMethods {
    /// Whether a method is slow.
    pub(in crate::peer) fn contains(&self, method: &[u8]) -> bool {
        !self.methods.is_empty() && self.methods.contains_key(key(method))
    }

    /// A method has run, and was over the budget or not.
    pub(in crate::peer) fn note(&mut self, method: &[u8], over: bool) {
        let method = key(method);
        let Some(quick) = self.methods.get_mut(method) else {
            if over && self.methods.len() < MAX_METHODS {
                self.methods.insert(method.into(), 0);
            }
            return;
        };
        *quick = if over { 0 } else { *quick + 1 };
        if *quick >= FAST_RUNS_TO_CLEAR {
            self.methods.remove(method);
        }
    }
}

fn key(method: &[u8]) -> &[u8] {
    &method[..method.len().min(KEPT)]
}

/// The beginning of a method's name, kept without an allocation: the request goes with its handler, and
/// the name is wanted again only of one that was slow.
pub(in crate::peer) struct MethodPrefix {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl MethodPrefix {
    const MAX: usize = KEPT;

    pub(in crate::peer) fn new(name: &[u8]) -> Self {
        let len = name.len().min(Self::MAX);
        let mut bytes = [0; Self::MAX];
        bytes[..len].copy_from_slice(&name[..len]);
        Self { bytes, len }
    }

    pub(in crate::peer) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_forgiven_when_it_has_been_quick_for_a_while() {
        let mut slow = SlowMethods::default();
        slow.note(b"m", false);
        assert!(!slow.contains(b"m"));
        slow.note(b"m", true);
        for _ in 1..FAST_RUNS_TO_CLEAR {
            slow.note(b"m", false);
            assert!(slow.contains(b"m"));
        }
        // Once more, and it begins again.
        slow.note(b"m", true);
        for _ in 0..FAST_RUNS_TO_CLEAR {
            assert!(slow.contains(b"m"));
            slow.note(b"m", false);
        }
        assert!(!slow.contains(b"m") && slow.methods.is_empty());
        assert!(!slow.contains(b"other"));
    }

    #[test]
    fn made_up_names_are_not_collected() {
        let mut slow = SlowMethods::default();
        for name in 0..1000_u32 {
            slow.note(&name.to_be_bytes(), true);
        }
        assert_eq!(slow.methods.len(), MAX_METHODS);
    }

    #[test]
    fn long_names_are_told_apart_by_their_beginnings() {
        let mut slow = SlowMethods::default();
        let (one, other) = ([b'a'; 200], [b'b'; 200]);
        slow.note(&one, true);
        assert!(slow.contains(&one) && !slow.contains(&other));
    }
}
