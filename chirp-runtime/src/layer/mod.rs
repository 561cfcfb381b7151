//! Ready-made layers: authentication, limits, numbers and logs of calls, and (feature `tower`) the layers of the crate `tower`.

mod authenticate;
mod concurrency_limit;
mod method_metrics;
mod outcome;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "tracing")]
mod access_log;

#[cfg(feature = "tracing")]
pub use access_log::AccessLog;
pub use authenticate::Authenticate;
pub use concurrency_limit::ConcurrencyLimit;
pub use method_metrics::{LATENCY_BOUNDS, MethodMetrics, MethodStats};
pub use outcome::Outcome;
#[cfg(feature = "tower")]
pub use tower::{
    BoxError, CallService, CallServiceFuture, NextService, NextServiceFuture, TowerLayer, tower,
};
