//! Load for `chirp bench`: calls in a closed or an open loop, and their latencies.

mod closed_loop;
mod local_call;
mod measurement;
mod open_loop;
mod report;
mod target;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

pub(crate) use local_call::time_local_call;
pub(crate) use measurement::Shared;
pub(crate) use report::{Report, Results};
pub(crate) use target::{Request, Target};
pub(crate) use window::Window;

/// The way in which calls are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loop {
    /// Each caller makes its next call when it has the answer of the last one.
    Closed,
    /// Calls are due at a fixed rate per second, whether or not earlier ones were answered.
    Open(f64),
}

/// Makes calls until the end of the window. `targets` are equal, one for each connection.
pub(crate) async fn run(
    targets: &[Target],
    callers: usize,
    how: Loop,
    window: Window,
    shared: &Arc<Shared>,
) {
    match how {
        Loop::Closed => closed_loop::run(targets, callers, window, shared).await,
        Loop::Open(rate) => open_loop::run(targets, callers, rate, window, shared).await,
    }
}
