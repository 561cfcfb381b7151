//! One file for each command: its options, and a method `run`.

mod bench;
mod call;
mod completions;
mod describe;
mod diff;
mod ls;

pub(crate) use bench::Bench;
pub(crate) use call::Call;
pub(crate) use completions::Completions;
pub(crate) use describe::Describe;
pub(crate) use diff::Diff;
pub(crate) use ls::Ls;
