//! The concurrent parts of the runtime, compiled from its sources with the locks, atomics and threads of shuttle, whose
//! scheduler decides which thread goes on at each of them. What they use of the rest of the runtime is replaced.
//!
//! ```console
//! cargo test --manifest-path fuzz/models/Cargo.toml
//! ```
//!
//! | part | invariants |
//! |---|---|
//! | pending call | an outcome is taken once; no wake-up is lost; a caller that has gone takes nothing |
//! | submit queue | each call is flushed once, in order, or returned by `close`; no call waits for a writer that sleeps |
//! | write state | one batch is written at a time; no output is lost or waits for a writer that sleeps; a graceful shutdown comes behind all output; the writer task ends |
//! | effects | each is applied once, without the lock; callers that are woken see that the peer refuses calls |
//! | stalled handlers | requests start in order of arrival, each is answered once, and none waits behind a handler that blocks |
//! | stays in handlers | a dispatcher that is blocked in a handler is noticed, once, also behind a pause of the watchdog |
//! | reader in place | a reader that is blocked in a handler is taken over, also behind a pause of the watchdog; a reader has one owner |
//! | stream mailbox | items come once, in order, with their streams, and the end comes last; no wake-up for credit is lost |
//! | demand | a call is sent if a half of one of its streams waits, whichever comes first |
//!
//! A lost wake-up is a deadlock here, which the scheduler reports.
#![allow(dead_code, reason = "models use a part of what the sources have")]

mod channel;
mod packet;
mod peer;
mod session;
mod sync;
