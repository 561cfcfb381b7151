//! Sources of the runtime, and what they use.

pub(in crate::peer) mod budget;
#[path = "../../../../../chirp-runtime/src/peer/monitoring/handler_watchdog.rs"]
pub(in crate::peer) mod handler_watchdog;
pub(in crate::peer) mod watchdog;

shuttle::lazy_static! {
    pub(in crate::peer) static ref HANDLER_WATCHDOG: handler_watchdog::HandlerWatchdog =
        handler_watchdog::HandlerWatchdog::new();
}
