use std::collections::{HashMap, HashSet};

use super::{Field, Variant};

/// A part with a name: a field, variant, argument or method.
pub(super) trait Member {
    fn name(&self) -> &str;
    fn aliases(&self) -> &[String];
    fn has_same_content(&self, other: &Self) -> bool;

    fn reads(&self, name: &str) -> bool {
        self.name() == name || self.aliases().iter().any(|alias| alias == name)
    }
}

impl Member for Field {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn has_same_content(&self, other: &Self) -> bool {
        self.shape == other.shape
    }
}

impl Member for Variant {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn has_same_content(&self, other: &Self) -> bool {
        self.definition == other.definition
    }
}

/// The indexes of a member on both sides, or on the only side that has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair {
    Both(usize, usize),
    Removed(usize),
    Added(usize),
}

/// Finds which members correspond: by name, by an alias, or by the same content in the same position.
pub(super) fn pairs<M: Member>(old: &[M], new: &[M]) -> Vec<Pair> {
    fn by_name<M: Member>(members: &[M]) -> HashMap<&str, usize> {
        let names = members.iter().enumerate();
        names.map(|(at, member)| (member.name(), at)).collect()
    }
    fn by_alias<M: Member>(members: &[M]) -> HashMap<&str, usize> {
        let members = members.iter().enumerate();
        members
            .flat_map(|(at, member)| member.aliases().iter().map(move |alias| (&**alias, at)))
            .collect()
    }
    let (old_names, new_names) = (by_name(old), by_name(new));
    let (old_aliases, new_aliases) = (by_alias(old), by_alias(new));
    let mut of_new = vec![None; new.len()];
    let mut of_old = vec![None; old.len()];
    for (at, member) in old.iter().enumerate() {
        if let Some(same) = new_names.get(member.name()) {
            (of_old[at], of_new[*same]) = (Some(*same), Some(at));
        }
    }
    let mut join = |at: usize, other: usize| {
        if of_old[at].is_none() && of_new[other].is_none() {
            (of_old[at], of_new[other]) = (Some(other), Some(at));
        }
    };
    for (at, member) in old.iter().enumerate() {
        if let Some(other) = new_aliases.get(member.name()) {
            join(at, *other);
        }
    }
    for (at, member) in new.iter().enumerate() {
        if let Some(other) = old_aliases.get(member.name()) {
            join(*other, at);
        }
    }
    for (at, (member, other)) in old.iter().zip(new).enumerate() {
        let is_new =
            !old_names.contains_key(other.name()) && !new_names.contains_key(member.name());
        if is_new && member.has_same_content(other) {
            join(at, at);
        }
    }
    let both_or_removed = of_old.iter().enumerate().map(|(at, other)| match other {
        Some(other) => Pair::Both(at, *other),
        None => Pair::Removed(at),
    });
    let added = of_new.iter().enumerate();
    let added = added.filter_map(|(at, other)| other.is_none().then_some(Pair::Added(at)));
    both_or_removed.chain(added).collect()
}

/// The members that changed places: those of the old side whose rank among the common members differs.
pub(super) fn moved(pairs: &[Pair]) -> HashSet<usize> {
    let common = pairs.iter().filter_map(|pair| match pair {
        Pair::Both(old, new) => Some((*old, *new)),
        _ => None,
    });
    let mut by_new: Vec<(usize, usize)> = common.clone().map(|(old, new)| (new, old)).collect();
    by_new.sort_unstable();
    let ranks = common.zip(by_new);
    ranks
        .filter(|((old, _), (_, other))| old != other)
        .map(|((old, _), _)| old)
        .collect()
}
