//! Monitoring of connections: limits, keep-alive, metrics, observers.

pub(in crate::peer) mod abandoned;
pub(in crate::peer) mod budget;
pub(in crate::peer) mod connection_counters;
#[cfg(feature = "reflect")]
pub(in crate::peer) mod connection_report;
pub(in crate::peer) mod handler_watchdog;
pub(in crate::peer) mod keep_alive;
pub(in crate::peer) mod log;
pub(in crate::peer) mod metrics;
pub(in crate::peer) mod observe;
pub(in crate::peer) mod progress;
#[cfg(feature = "tracing")]
pub(in crate::peer) mod propagator;
pub(in crate::peer) mod span;
pub(in crate::peer) mod stall_timer;
pub(in crate::peer) mod traffic;
pub(in crate::peer) mod watchdog;

use handler_watchdog::HandlerWatchdog;

/// The watchdog of all connections of the process.
pub(in crate::peer) static HANDLER_WATCHDOG: HandlerWatchdog = HandlerWatchdog::new();
