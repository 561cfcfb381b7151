#!/usr/bin/env bash
# Delays of Rust crates: backon 1.6.0 adds its jitter after it has applied the longest delay, and backoff 0.4.0 randomises around it,
# so that delays are up to twice and up to one and a half times as long. In tokio-retry 0.3.2 a delay that starts with 10 ms grows
# tenfold each time, and one that starts with 2 ms doubles. exponential-backoff 2.1.1 waits no longer than the longest delay.
# Guess: no delay above the longest; 10, 20 and 40 ms.
source "$(dirname "$(realpath "$0")")/lib.sh"

cargo_run 'backoff = "=0.4.0"' 'backon = { version = "=1.6.0", default-features = false }' 'exponential-backoff = "=2.1.1"' \
    'tokio-retry = "=0.3.2"' <<'RS' |
use backoff::backoff::Backoff as _;
use backon::BackoffBuilder;
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(3);

fn is_longer(name: &str, mut delays: impl Iterator<Item = Duration>) {
    println!("{name}: a delay is longer than the longest: {}", delays.any(|delay| delay > LONGEST));
}

fn main() {
    let jitter = backon::ExponentialBuilder::default().with_jitter().with_max_delay(LONGEST).with_max_times(1000);
    is_longer("backon", jitter.build());
    let mut randomised = backoff::ExponentialBackoff { max_interval: LONGEST, ..Default::default() };
    is_longer("backoff", (0..1000).filter_map(|_| randomised.next_backoff()));
    let exponential = exponential_backoff::Backoff::new(1000, Duration::from_millis(100), LONGEST);
    is_longer("exponential-backoff", exponential.into_iter().flatten());
    for start in [10, 2] {
        let delays = tokio_retry::strategy::ExponentialBackoff::from_millis(start);
        println!("tokio-retry: {:?}", delays.take(4).collect::<Vec<_>>());
    }
}
RS
    expect "backon: a delay is longer than the longest: true
backoff: a delay is longer than the longest: true
exponential-backoff: a delay is longer than the longest: false
tokio-retry: [10ms, 100ms, 1s, 10s]
tokio-retry: [2ms, 4ms, 8ms, 16ms]"
