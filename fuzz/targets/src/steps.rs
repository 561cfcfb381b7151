use std::sync::atomic::{AtomicU64, Ordering};

/// The number of steps after which the total is printed, since libFuzzer ends the process without a last word.
const PRINTED: u64 = 10_000_000;

static STEPS: AtomicU64 = AtomicU64::new(0);

/// Returns how many steps the sessions of this process have taken in the targets `session` and `two_sessions`: steps of a
/// program, of the transport, or of the other side. In `session`, each step of an input counts; in `two_sessions`, those that
/// were possible.
pub fn steps() -> u64 {
    STEPS.load(Ordering::Relaxed)
}

/// Adds the steps of a run.
pub(crate) fn note(more: u64) {
    let before = STEPS.fetch_add(more, Ordering::Relaxed);
    let now = before + more;
    if now / PRINTED > before / PRINTED {
        eprintln!("{now} steps of sessions");
    }
}
