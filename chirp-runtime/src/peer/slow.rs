use std::collections::HashMap;

/// How many calls of a method are given a task after it was over the budget for the first time.
const FIRST_PENALTY: u32 = 256;

/// The most calls that one offence costs.
const MAX_PENALTY: u32 = 1 << 20;

/// Methods that are remembered; a caller of made-up names gets no further.
const MAX_METHODS: usize = 256;

/// How much of a method's name is looked at, in bytes.
pub(super) const KEPT: usize = 64;

/// The methods whose handlers took too long to return from their first poll.
///
/// Such a method is given a task for a number of calls, twice as many each time. It is tried in place
/// again, because a single offence proves little: the operating system may have taken the thread away.
#[derive(Default)]
pub(super) struct Slow {
    methods: HashMap<Box<[u8]>, Record>,
}

struct Record {
    penalty: u32,
    /// Calls that are still to be given a task.
    left: u32,
    /// Calls since then that were polled in place.
    good: u32,
}

impl Slow {
    /// Whether this call is to be given a task. Counts it.
    pub(super) fn count(&mut self, method: &[u8]) -> bool {
        let method = &method[..method.len().min(KEPT)];
        if self.methods.is_empty() {
            return false;
        }
        let Some(record) = self.methods.get_mut(method) else {
            return false;
        };
        if record.left > 0 {
            record.left -= 1;
            return true;
        }
        record.good += 1;
        if record.good > record.penalty {
            self.methods.remove(method);
        }
        false
    }

    /// The method was over the budget.
    pub(super) fn offend(&mut self, method: &[u8]) {
        if let Some(record) = self.methods.get_mut(method) {
            record.penalty = record.penalty.saturating_mul(2).min(MAX_PENALTY);
            record.left = record.penalty;
            record.good = 0;
        } else if self.methods.len() < MAX_METHODS {
            let record = Record {
                penalty: FIRST_PENALTY,
                left: FIRST_PENALTY,
                good: 0,
            };
            self.methods.insert(method.into(), record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls in a row are given a task.
    fn penalty(slow: &mut Slow) -> usize {
        (0..1_000_000).take_while(|_| slow.count(b"m")).count()
    }

    #[test]
    fn each_offence_costs_twice_as_much() {
        let mut slow = Slow::default();
        assert!(!slow.count(b"m"));
        slow.offend(b"m");
        assert_eq!(penalty(&mut slow), 256);
        slow.offend(b"m");
        assert_eq!(penalty(&mut slow), 512);
        assert!(!slow.count(b"other"));
    }

    #[test]
    fn a_method_that_behaves_is_forgotten() {
        let mut slow = Slow::default();
        slow.offend(b"m");
        assert_eq!(penalty(&mut slow), 256);
        assert!((0..256).all(|_| !slow.count(b"m")));
        assert!(slow.methods.is_empty());
    }

    #[test]
    fn made_up_names_are_not_collected() {
        let mut slow = Slow::default();
        for name in 0..1000_u32 {
            slow.offend(&name.to_be_bytes());
        }
        assert_eq!(slow.methods.len(), MAX_METHODS);
    }
}
