use std::sync::Arc;

use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until};

use super::{Shared, Target, Window};

/// Makes calls with a number of callers, each of which waits for its answers.
pub(super) async fn run(targets: &[Target], callers: usize, window: Window, shared: &Arc<Shared>) {
    let mut running = JoinSet::new();
    for target in targets.iter().cycle().take(callers) {
        let (target, shared) = (target.clone(), Arc::clone(shared));
        running.spawn(async move {
            let calls = call_until(&target, window, &shared);
            if target.is_stream() {
                // A stream may never end. Its items have been counted.
                tokio::select! {
                    () = calls => {}
                    () = sleep_until(window.end) => {}
                }
            } else {
                calls.await;
            }
        });
    }
    while running.join_next().await.is_some() {}
}

async fn call_until(target: &Target, window: Window, shared: &Shared) {
    loop {
        let begin = Instant::now();
        if begin >= window.end {
            return;
        }
        let result = target.call(shared).await;
        if !shared.count_call(begin, &result) {
            return;
        }
        if result.is_err() {
            // An error of this side may be immediate, and must not keep others from running.
            yield_now().await;
        }
    }
}
