//! A closed-loop load: callers that call again as soon as they have an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::record::{Metric, Reading};
use crate::system::Result;
use crate::usage::cpu_time;

/// The result of a load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The number of answered calls.
    pub calls: u64,
    /// The time from the start to the last answer.
    pub elapsed: Duration,
    /// CPU time of the process during the load.
    pub cpu: Duration,
}

impl Load {
    /// Returns the rate, in calls per second.
    pub fn rate(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the rate and the CPU time per call.
    pub fn readings(&self) -> Vec<Reading> {
        let cpu = self.cpu.as_secs_f64() / self.calls as f64 * 1e6;
        vec![
            Reading::new(Metric::Rate, self.rate()),
            Reading::new(Metric::Cpu, cpu),
        ]
    }
}

/// Runs one caller for each of `states` for the given time. `call` returns the state for its next call.
pub async fn drive<T, F, Called>(states: Vec<T>, time: Duration, call: F) -> Result<Load>
where
    T: Send + 'static,
    F: Fn(T) -> Called + Clone + Send + 'static,
    Called: Future<Output = Result<T>> + Send,
{
    let stop = Arc::new(AtomicBool::new(false));
    let (started, cpu) = (Instant::now(), cpu_time());
    let callers: Vec<_> = states
        .into_iter()
        .map(|mut state| {
            let (call, stop) = (call.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut calls = 0;
                while !stop.load(Ordering::Relaxed) {
                    state = call(state).await?;
                    calls += 1;
                }
                Result::Ok(calls)
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut calls: u64 = 0;
    for caller in callers {
        calls += caller.await??;
    }
    Ok(Load {
        calls,
        elapsed: started.elapsed(),
        cpu: cpu_time().saturating_sub(cpu),
    })
}
