use std::collections::HashMap;

/// The number of fast runs in a row that clear a slow method.
const FAST_RUNS_TO_CLEAR: u32 = 8;

/// The maximum number of remembered methods. It bounds the memory for callers that make up names.
const MAX_METHODS: usize = 256;

/// The number of bytes of a method name that are compared.
pub(in crate::peer) const KEPT: usize = 64;

/// The methods whose handlers took too long to return from their first poll.
///
/// For a slow method, a new dispatcher takes the queue before the handler starts. A single slow run proves little,
/// since the operating system may have preempted the thread: a method that is fast for a while is cleared, and one that
/// computes or blocks never is.
#[derive(Default)]
pub(in crate::peer) struct SlowMethods {
    /// The slow methods, each with the number of fast runs since its last slow run. `None` while there is none.
    #[expect(
        clippy::box_collection,
        reason = "a null pointer is smaller than an empty map"
    )]
    methods: Option<Box<HashMap<Box<[u8]>, u32>>>,
}

impl SlowMethods {
    /// Returns `true` if no method is slow.
    pub(in crate::peer) fn is_empty(&self) -> bool {
        self.methods.is_none()
    }

    /// Returns `true` if a method is slow.
    pub(in crate::peer) fn contains(&self, method: &[u8]) -> bool {
        let methods = self.methods.as_ref();
        methods.is_some_and(|methods| methods.contains_key(key(method)))
    }

    /// Records a run of a method, which was over the budget or not.
    pub(in crate::peer) fn note(&mut self, method: &[u8], over: bool) {
        let method = key(method);
        if self.methods.is_none() && !over {
            return;
        }
        let methods = self.methods.get_or_insert_default();
        let Some(quick) = methods.get_mut(method) else {
            if over && methods.len() < MAX_METHODS {
                methods.insert(method.into(), 0);
            }
            return;
        };
        *quick = if over { 0 } else { *quick + 1 };
        if *quick >= FAST_RUNS_TO_CLEAR {
            methods.remove(method);
            if methods.is_empty() {
                self.methods = None;
            }
        }
    }
}

fn key(method: &[u8]) -> &[u8] {
    &method[..method.len().min(KEPT)]
}

/// The start of a method name, copied without an allocation: the request is moved into its handler, and the name is
/// needed afterwards if the handler was slow or panicked.
#[derive(Clone)]
pub(in crate::peer) struct MethodPrefix {
    bytes: [u8; KEPT],
    len: usize,
}

impl MethodPrefix {
    pub(in crate::peer) fn new(name: &[u8]) -> Self {
        let mut prefix = Self::default();
        prefix.set(name);
        prefix
    }

    /// Replaces the name.
    pub(in crate::peer) fn set(&mut self, name: &[u8]) {
        let name = key(name);
        self.bytes[..name.len()].copy_from_slice(name);
        self.len = name.len();
    }

    pub(in crate::peer) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Default for MethodPrefix {
    fn default() -> Self {
        Self {
            bytes: [0; KEPT],
            len: 0,
        }
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
        // One more slow run starts the count again.
        slow.note(b"m", true);
        for _ in 0..FAST_RUNS_TO_CLEAR {
            assert!(slow.contains(b"m"));
            slow.note(b"m", false);
        }
        assert!(!slow.contains(b"m") && slow.methods.is_none());
        assert!(!slow.contains(b"other"));
    }

    #[test]
    fn made_up_names_are_not_collected() {
        let mut slow = SlowMethods::default();
        for name in 0..1000_u32 {
            slow.note(&name.to_be_bytes(), true);
        }
        let known = slow.methods.map(|methods| methods.len());
        assert_eq!(known, Some(MAX_METHODS));
    }

    #[test]
    fn long_names_are_told_apart_by_their_beginnings() {
        let mut slow = SlowMethods::default();
        let (one, other) = ([b'a'; 200], [b'b'; 200]);
        slow.note(&one, true);
        assert!(slow.contains(&one) && !slow.contains(&other));
    }
}
