//! One file for each command: its options, and a method `run`.

mod completions;

pub(crate) use completions::Completions;
