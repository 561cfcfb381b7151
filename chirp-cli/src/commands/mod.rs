//! One file for each command: its options, and a method `run`.

mod bench;
mod call;
mod completions;
mod describe;
mod diff;
mod gateway;
mod ls;
mod proxy;
mod record;
mod replay;
mod show;
mod top;
mod typescript;

pub(crate) use bench::Bench;
pub(crate) use call::Call;
pub(crate) use completions::Completions;
pub(crate) use describe::Describe;
pub(crate) use diff::Diff;
pub(crate) use gateway::Gateway;
pub(crate) use ls::Ls;
pub(crate) use proxy::Proxy;
pub(crate) use record::Record;
pub(crate) use replay::Replay;
pub(crate) use show::Show;
pub(crate) use top::Top;
pub(crate) use typescript::Typescript;
