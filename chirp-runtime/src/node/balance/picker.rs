use std::hash::{BuildHasher, RandomState};

use super::BalancePolicy;

/// Up to this number, all members are compared; beyond it, two random ones.
const COMPARED: usize = 8;

/// The rules by which a member is chosen, apart from what a member is.
pub(super) struct Picker {
    policy: BalancePolicy,
    /// Where the search begins: after the last member that was chosen.
    next: usize,
    random: u64,
}

/// A member as the rules see it.
pub(super) trait Candidate {
    /// Returns the number of calls in progress.
    fn load(&self) -> usize;

    /// Returns `true` if the member takes calls.
    fn is_usable(&self) -> bool;
}

impl Picker {
    pub(super) fn new(policy: BalancePolicy) -> Self {
        Self {
            policy,
            next: 0,
            // A generator of this kind stays at 0 for ever.
            random: RandomState::new().hash_one(0) | 1,
        }
    }

    /// Chooses a usable member.
    pub(super) fn pick<'a, T: Candidate>(&mut self, members: &'a [T]) -> Option<&'a T> {
        match self.policy {
            BalancePolicy::PickFirst => members.iter().find(|member| member.is_usable()),
            BalancePolicy::RoundRobin => self.next_usable(members),
            BalancePolicy::LeastPending if members.len() <= COMPARED => self.least_of_all(members),
            BalancePolicy::LeastPending => self.least_of_two(members),
        }
    }

    fn next_usable<'a, T: Candidate>(&mut self, members: &'a [T]) -> Option<&'a T> {
        let start = self.start(members.len());
        let index = rotated(members.len(), start).find(|index| members[*index].is_usable())?;
        self.next = index + 1;
        Some(&members[index])
    }

    /// Among members with equal load, each is chosen in turn.
    fn least_of_all<'a, T: Candidate>(&mut self, members: &'a [T]) -> Option<&'a T> {
        let start = self.start(members.len());
        let mut best: Option<(usize, usize)> = None;
        for index in rotated(members.len(), start) {
            let load = members[index].load();
            let is_better = best.is_none_or(|(_, least)| load < least);
            if is_better && members[index].is_usable() {
                best = Some((index, load));
                if load == 0 {
                    break;
                }
            }
        }
        let (index, _) = best?;
        self.next = index + 1;
        Some(&members[index])
    }

    fn least_of_two<'a, T: Candidate>(&mut self, members: &'a [T]) -> Option<&'a T> {
        let one = self.below(members.len());
        // Another one than the first.
        let other = (one + 1 + self.below(members.len() - 1)) % members.len();
        let (one, other) = (&members[one], &members[other]);
        let (better, worse) = if other.load() < one.load() {
            (other, one)
        } else {
            (one, other)
        };
        if better.is_usable() {
            Some(better)
        } else if worse.is_usable() {
            Some(worse)
        } else {
            self.next_usable(members)
        }
    }

    fn start(&self, len: usize) -> usize {
        if self.next < len { self.next } else { 0 }
    }

    /// Returns a random number below `len`, which is not 0.
    fn below(&mut self, len: usize) -> usize {
        // Xorshift: members need to be spread, not unpredictable.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 32).unwrap_or_default() % len
    }
}

/// The indexes from `start` to the end, and then from the beginning.
fn rotated(len: usize, start: usize) -> impl Iterator<Item = usize> {
    (start..len).chain(0..start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use BalancePolicy::{LeastPending, PickFirst, RoundRobin};

    /// A member with its load, or one that takes no calls.
    #[derive(Clone, Copy)]
    struct Fake(usize, Option<usize>);

    impl Candidate for Fake {
        fn load(&self) -> usize {
            self.1.unwrap_or(0)
        }

        fn is_usable(&self) -> bool {
            self.1.is_some()
        }
    }

    /// Picks `count` times, and returns the indexes of what was picked.
    fn picks(policy: BalancePolicy, loads: &[Option<usize>], count: usize) -> Vec<usize> {
        let members = loads.iter().copied().enumerate();
        let members: Vec<_> = members.map(|(index, load)| Fake(index, load)).collect();
        let mut picker = Picker::new(policy);
        (0..count)
            .filter_map(|_| picker.pick(&members).map(|member| member.0))
            .collect()
    }

    #[test]
    fn each_policy_picks_by_its_rule() {
        let up = Some(0);
        for (policy, loads, expected) in [
            (PickFirst, vec![up, up, up], vec![0, 0, 0, 0]),
            (PickFirst, vec![None, Some(9), up], vec![1, 1, 1, 1]),
            (RoundRobin, vec![up, up, up], vec![0, 1, 2, 0]),
            (RoundRobin, vec![Some(9), None, up], vec![0, 2, 0, 2]),
            (LeastPending, vec![up, up, up], vec![0, 1, 2, 0]),
            (
                LeastPending,
                vec![Some(3), Some(1), Some(2)],
                vec![1, 1, 1, 1],
            ),
            (LeastPending, vec![None, Some(7), Some(8)], vec![1, 1, 1, 1]),
            (LeastPending, vec![Some(2), None, Some(2)], vec![0, 2, 0, 2]),
        ] {
            assert_eq!(picks(policy, &loads, 4), expected, "{policy:?}, {loads:?}");
        }
        for policy in [PickFirst, RoundRobin, LeastPending] {
            assert!(picks(policy, &[], 1).is_empty());
            assert!(picks(policy, &[None, None], 1).is_empty());
            assert!(picks(policy, &vec![None; 20], 1).is_empty());
        }
    }

    #[test]
    fn two_random_members_are_compared_where_there_are_many() {
        // The member with the highest load loses each comparison.
        let mut loads = vec![Some(5); 20];
        loads[7] = Some(6);
        let found = picks(LeastPending, &loads, 2000);
        assert_eq!(found.len(), 2000);
        assert!(!found.contains(&7));
        let distinct: std::collections::BTreeSet<_> = found.into_iter().collect();
        assert_eq!(distinct.len(), 19);
    }

    #[test]
    fn the_only_usable_one_of_many_is_found() {
        let mut loads = vec![None; 20];
        loads[13] = Some(100);
        assert_eq!(picks(LeastPending, &loads, 50), [13; 50]);
    }
}
