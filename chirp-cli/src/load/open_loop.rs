use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Shared, Target, Window};

/// The time before a call is due in which this task spins: timers of tokio are exact to a millisecond. Paused time, in tests,
/// does not pass while a task spins.
const SPIN: Duration = Duration::from_micros(if cfg!(test) { 0 } else { 1500 });

/// Calls that are sent at once before others run.
const BURST: u32 = 16;

/// Makes calls that are due at a fixed rate. A call that has to wait, for a caller or because this process was busy, counts
/// from the time at which it was due: the wait is not omitted.
pub(super) async fn run(
    targets: &[Target],
    callers: usize,
    rate: f64,
    window: Window,
    shared: &Arc<Shared>,
) {
    let permits = Arc::new(Semaphore::new(callers));
    let mut running = JoinSet::new();
    let (mut burst, mut number) = (0, 0);
    let first_measured = calls_before(window, rate, window.begin);
    for target in targets.iter().cycle() {
        if number < first_measured && Instant::now() >= window.begin {
            // What the target was too slow for in the warm-up must not fill the measurement.
            number = first_measured;
        }
        let due = due(window, rate, number);
        if due >= window.end {
            break;
        }
        if Instant::now() < due {
            burst = 0;
            wait_until(due).await;
        } else {
            burst += 1;
            if burst >= BURST {
                burst = 0;
                yield_now().await;
            }
        }
        let mut permit = Arc::clone(&permits).try_acquire_owned().ok();
        if permit.is_none() {
            if due >= window.begin {
                shared.lock().blocked += 1;
            }
            permit = tokio::select! {
                biased;
                permit = Arc::clone(&permits).acquire_owned() => permit.ok(),
                () = sleep_until(window.end) => None,
            };
        }
        let Some(permit) = permit.filter(|_| Instant::now() < window.end) else {
            let all = calls_before(window, rate, window.end);
            shared.lock().unsent = all.saturating_sub(number.max(first_measured));
            break;
        };
        number += 1;
        shared.count_delay(due);
        let (target, shared_by_call) = (target.clone(), Arc::clone(shared));
        running.spawn(async move {
            let result = target.call(&shared_by_call).await;
            shared_by_call.count_call(due, &result);
            drop(permit);
        });
        while running.try_join_next().is_some() {}
        if shared.lock().is_lost {
            return;
        }
    }
    if targets.iter().any(Target::is_stream) {
        // A stream may never end. Its items have been counted.
        return;
    }
    while running.join_next().await.is_some() {}
}

/// Returns when a call is due.
fn due(window: Window, rate: f64, number: u64) -> Instant {
    #[expect(clippy::cast_precision_loss, reason = "exact for 2^53 calls")]
    let offset = Duration::try_from_secs_f64(number as f64 / rate);
    offset.map_or(window.end, |offset| window.start + offset)
}

/// Returns the number of calls that are due before `end`.
fn calls_before(window: Window, rate: f64, end: Instant) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of calls"
    )]
    let calls = ((end - window.start).as_secs_f64() * rate).ceil() as u64;
    calls
}

async fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(SPIN) {
            Some(long) if !long.is_zero() => sleep(long).await,
            _ => yield_now().await,
        }
    }
}
