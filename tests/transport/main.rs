//! Addresses and channels of every kind, and the child processes at their other end.

mod addresses;
mod children;
mod credentials;
mod endpoints;
mod failed_writes;
mod inproc;
mod pipes;
mod schemes;
mod stdio;
#[path = "../support/mod.rs"]
mod support;
