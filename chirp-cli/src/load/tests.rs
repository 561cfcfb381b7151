//! Loops in paused time, against a handler in this process.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::ErrorData;
use chirp::{AsCaller, Peer, PeerBuilder, Request as InboundRequest};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::measurement::Measurement;
use super::{Loop, Request, Shared, Target, Window};

const MS: Duration = Duration::from_millis(1);

/// The two ends of a connection to a handler, and the calls that it was given.
struct Server {
    _callee: Peer,
    client: Peer,
    calls: Arc<AtomicU64>,
}

/// Answers at once, except for a stall in which all calls wait: from 500 ms to 700 ms after the start.
fn stalling() -> Server {
    let (start, calls) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let (one, other) = chirp::channel::memory();
    let (count, turn) = (Arc::clone(&calls), Arc::new(Mutex::new(())));
    let server = PeerBuilder::new().fallback(move |_: InboundRequest| {
        let turn = Arc::clone(&turn);
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let _turn = turn.lock().await;
            if Instant::now() >= start + 500 * MS {
                sleep_until(start + 700 * MS).await;
            }
            sleep(MS).await;
            Ok::<_, ErrorData>(Bytes::new())
        }
    });
    Server {
        _callee: server.start(other).unwrap(),
        client: PeerBuilder::new().start(one).unwrap(),
        calls,
    }
}

fn target(server: &Server) -> Target {
    Target {
        caller: server.client.as_caller(),
        request: Request::Value {
            method: "x".into(),
            params: Bytes::new(),
        },
        limit: Some(Duration::from_secs(10)),
    }
}

async fn measure(
    server: &Server,
    callers: usize,
    how: Loop,
    warm_up: Duration,
    length: Duration,
) -> Arc<Shared> {
    let window = Window::new(warm_up, length);
    let shared = Arc::new(Shared::new(window));
    super::run(&[target(server)], callers, how, window, &shared).await;
    shared
}

/// Calls whose latency is at least `time`.
fn at_least(measurement: &Measurement, time: Duration) -> u64 {
    let from = u64::try_from(time.as_nanos()).unwrap();
    measurement.latency.count_between(from, u64::MAX)
}

/// The stall of 200 ms concerns each of the calls that were due within it.
#[tokio::test(start_paused = true)]
async fn an_open_loop_counts_every_call_that_was_due_in_a_stall() {
    // With one caller, calls are sent late, which must not hide the stall.
    for callers in [1, 1000] {
        let server = stalling();
        let shared = measure(
            &server,
            callers,
            Loop::Open(100.0),
            Duration::ZERO,
            1000 * MS,
        )
        .await;
        let measurement = shared.lock();
        assert_eq!(measurement.calls, 100, "{callers}");
        assert_eq!(measurement.unsent, 0, "{callers}");
        // Those of 500, 510, .. 600 ms waited for 100 ms and more.
        let late = at_least(&measurement, 99 * MS);
        assert!((10..=12).contains(&late), "{callers}: {late}");
        let late = at_least(&measurement, 10 * MS);
        assert!((19..=22).contains(&late), "{callers}: {late}");
        assert_eq!(measurement.blocked > 0, callers == 1, "{callers}");
    }
}

/// A closed loop has one call for each caller in the stall, and measures no more.
#[tokio::test(start_paused = true)]
async fn a_closed_loop_counts_one_call_of_each_caller_in_a_stall() {
    for callers in [1, 3] {
        let server = stalling();
        let shared = measure(&server, callers, Loop::Closed, Duration::ZERO, 1000 * MS).await;
        let measurement = shared.lock();
        let late = at_least(&measurement, 100 * MS);
        assert_eq!(late, callers as u64);
        assert!(measurement.calls > 300, "{}", measurement.calls);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_the_warm_up_are_made_and_not_measured() {
    let server = stalling();
    let shared = measure(&server, 8, Loop::Open(100.0), 800 * MS, 500 * MS).await;
    let measurement = shared.lock();
    assert_eq!(server.calls.load(Ordering::Relaxed), 130);
    assert_eq!(measurement.calls, 50);
    assert_eq!(at_least(&measurement, 50 * MS), 0);
    assert_eq!(measurement.calls_in_window, 50);
}

/// Calls that the target was too slow to be sent are told.
#[tokio::test(start_paused = true)]
async fn calls_that_were_due_and_not_sent_are_counted() {
    let server = stalling();
    // The handler takes a millisecond for each call: half of the rate.
    let shared = measure(&server, 4, Loop::Open(2000.0), Duration::ZERO, 400 * MS).await;
    let measurement = shared.lock();
    let sent = server.calls.load(Ordering::Relaxed);
    assert_eq!(measurement.calls, sent);
    assert_eq!(measurement.unsent + sent, 800);
    assert!((350..=450).contains(&sent), "{sent}");
    // The last ones waited for as long as all of them took too much.
    assert!(measurement.latency.max() > 150_000_000);
}

/// Calls of the warm-up that could not be sent in time are left out.
#[tokio::test(start_paused = true)]
async fn a_warm_up_that_is_too_fast_does_not_fill_the_measurement() {
    let server = stalling();
    let shared = measure(&server, 4, Loop::Open(2000.0), 200 * MS, 200 * MS).await;
    let measurement = shared.lock();
    assert!(
        (150..=250).contains(&measurement.calls),
        "{}",
        measurement.calls
    );
    assert_eq!(measurement.unsent + measurement.calls, 400);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_counts_with_its_time_limit() {
    let server = stalling();
    let window = Window::new(Duration::ZERO, 1000 * MS);
    let shared = Arc::new(Shared::new(window));
    let mut target = target(&server);
    target.limit = Some(50 * MS);
    super::run(&[target], 1, Loop::Open(100.0), window, &shared).await;
    let measurement = shared.lock();
    let errors: Vec<_> = measurement.errors.iter().collect();
    let [(kind, count)] = errors[..] else {
        panic!("{errors:?}");
    };
    assert_eq!((&kind[..], count.count > 0), ("timed out", true));
    assert_eq!(measurement.latency.len(), measurement.calls + count.count);
    assert!(at_least(&measurement, 50 * MS) >= count.count);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_ends_both_loops() {
    for how in [Loop::Closed, Loop::Open(100.0)] {
        let server = stalling();
        let peer = server.client.clone();
        tokio::spawn(async move {
            sleep(300 * MS).await;
            peer.close();
        });
        let began = Instant::now();
        let shared = measure(&server, 4, how, Duration::ZERO, Duration::from_mins(1)).await;
        assert!(began.elapsed() < Duration::from_secs(1));
        let measurement = shared.lock();
        assert!(measurement.is_lost);
        assert!(measurement.errors.contains_key("connection lost"));
    }
}
