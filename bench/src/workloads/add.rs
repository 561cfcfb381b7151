//! Latency of single calls: one caller that adds numbers.

use std::time::{Duration, Instant};

use crate::link::Link;
use crate::record::{Metric, Reading};
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// One caller over a link.
#[derive(Clone, Debug)]
pub(super) struct Add {
    pub(super) link: Link,
}

impl Case for Add {
    const WORKLOAD: &'static str = "add";

    fn name(&self) -> String {
        self.link.to_string()
    }

    fn link(&self) -> Option<Link> {
        Some(self.link)
    }

    fn takes(&self, _skills: Skills) -> bool {
        true
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        one_caller(&connection.client, time).await
    }
}

/// Makes sequential calls for the given time.
pub(super) async fn one_caller(client: &impl Client, time: Duration) -> Result<Vec<Reading>> {
    let mut latencies = Vec::with_capacity(1 << 17);
    let started = Instant::now();
    let mut now = started;
    for number in 0.. {
        let sum = client.add(number, 1).await?;
        if sum != number + 1 {
            return Err(format!("{number} and 1 became {sum}").into());
        }
        let before = std::mem::replace(&mut now, Instant::now());
        latencies.push(now - before);
        if now - started >= time {
            break;
        }
    }
    let rate = latencies.len() as f64 / (now - started).as_secs_f64();
    latencies.sort_unstable();
    let quantile = |per_cent: usize| {
        let at = (latencies.len() * per_cent / 100).min(latencies.len() - 1);
        latencies[at].as_secs_f64() * 1e6
    };
    Ok(vec![
        Reading::new(Metric::P50, quantile(50)),
        Reading::new(Metric::P99, quantile(99)),
        Reading::new(Metric::Rate, rate),
    ])
}
