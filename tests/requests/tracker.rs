//! A tracker by itself: AC-11 to AC-19.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use crate::support::{DropFlag, pair};
use chirp::requests::{TrackError, TrackedError, Tracker};
use chirp::{Gather, Peer, PeerBuilder};
use tokio::sync::mpsc;
use tokio::time::Instant;

type Responses = Tracker<u32, String>;

const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_response_completes_the_request_with_its_id() {
    let tracker = Responses::new();
    let (one, two) = (tracker.track("one").unwrap(), tracker.track("two").unwrap());
    assert_eq!((one.id(), two.id(), tracker.len()), ("one", "two", 2));
    assert!(tracker.respond("two", Ok(2)));
    assert!(tracker.respond("one", Err("out of stock".into())));
    assert_eq!(two.await, Ok(2));
    let error = one.await.unwrap_err();
    assert_eq!(error, TrackedError::Failed("out of stock".into()));
    assert_eq!(error.to_string(), "out of stock");
    assert!(tracker.is_empty());
    assert!(
        !tracker.respond("two", Ok(3)),
        "the second response is dropped"
    );
}

#[tokio::test]
async fn a_response_that_is_faster_than_its_waiter_is_kept() {
    let tracker = Responses::new();
    let request = tracker.track("a").unwrap();
    assert!(tracker.respond("a", Ok(1)));
    assert_eq!(tracker.len(), 0);
    assert_eq!(request.await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn requests_time_out_in_the_order_of_their_limits() {
    let tracker = Responses::new().default_timeout(SHORT * 2);
    let begun = Instant::now();
    let late = tracker.track("late").unwrap();
    let early = tracker.track_for("early", SHORT).unwrap();
    let never = tracker.track_for("never", Duration::MAX).unwrap();
    assert_eq!(early.await, Err(TrackedError::TimedOut { timeout: SHORT }));
    assert_eq!(begun.elapsed(), SHORT);
    let timeout = SHORT * 2;
    assert_eq!(late.await, Err(TrackedError::TimedOut { timeout }));
    assert_eq!(begun.elapsed(), timeout);
    assert!(tracker.respond("never", Ok(1)));
    assert_eq!(never.await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn the_default_limit_is_a_minute() {
    let begun = Instant::now();
    let request = Responses::new().track("a").unwrap();
    assert!(matches!(request.await, Err(TrackedError::TimedOut { .. })));
    assert_eq!(begun.elapsed(), Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn an_id_is_free_again_after_its_request() {
    let tracker = Responses::new();
    let first = tracker.track_for("a", SHORT).unwrap();
    assert_eq!(first.await, Err(TrackedError::TimedOut { timeout: SHORT }));
    let second = tracker.track_for("a", SHORT).unwrap();
    assert!(tracker.remove("a"));
    assert_eq!(second.await, Err(TrackedError::Removed));
    let third = tracker.track_for("a", SHORT * 2).unwrap();
    tokio::time::sleep(SHORT + SHORT / 2).await;
    assert!(tracker.contains("a"), "the limit of the second is gone");
    assert!(tracker.respond("a", Ok(3)));
    assert_eq!(third.await, Ok(3));
}

#[tokio::test]
async fn a_dropped_request_is_removed_and_not_the_next_with_its_id() {
    let tracker = Responses::new();
    let first = tracker.track("a").unwrap();
    assert!(tracker.respond("a", Ok(1)));
    let second = tracker.track("a").unwrap();
    drop(first);
    assert_eq!(tracker.len(), 1);
    drop(second);
    assert_eq!(tracker.len(), 0);
    assert!(!tracker.respond("a", Ok(2)));
}

#[tokio::test]
async fn a_tracker_is_bounded() {
    let tracker = Responses::new().max_requests(2);
    let _open = [tracker.track("a").unwrap(), tracker.track("b").unwrap()];
    let error = tracker.track("c").unwrap_err();
    assert_eq!(error, TrackError::Full { limit: 2 });
    assert!(tracker.remove("a"));
    let _other = tracker.track("c").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tracker_that_stops_waits_for_open_requests_and_starts_again() {
    let tracker = Responses::new();
    let request = tracker.track_for("a", SHORT).unwrap();
    let begun = Instant::now();
    let stopping = tokio::spawn({
        let tracker = tracker.clone();
        async move { tracker.stop().await }
    });
    tokio::task::yield_now().await;
    assert!(!tracker.is_running());
    assert_eq!(tracker.track("b").unwrap_err(), TrackError::Stopping);
    assert_eq!(tracker.start(), Err(TrackError::Stopping));
    tracker.stop().await;
    stopping.await.unwrap();
    assert_eq!(begun.elapsed(), SHORT);
    assert_eq!(
        request.await,
        Err(TrackedError::TimedOut { timeout: SHORT })
    );
    assert_eq!(tracker.track("b").unwrap_err(), TrackError::Stopped);
    tracker.start().unwrap();
    let again = tracker.track("b").unwrap();
    assert!(tracker.respond("b", Ok(2)));
    assert_eq!(again.await, Ok(2));
}

#[tokio::test]
async fn a_stop_that_is_no_longer_awaited_goes_on() {
    let tracker = Responses::new();
    let request = tracker.track("a").unwrap();
    tokio::select! {
        biased;
        () = tracker.stop() => unreachable!("a request is open"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(tracker.track("b").unwrap_err(), TrackError::Stopping);
    assert!(tracker.respond("a", Ok(1)));
    assert_eq!(request.await, Ok(1));
    assert_eq!(tracker.track("b").unwrap_err(), TrackError::Stopped);
    tracker.start().unwrap();
    assert!(tracker.is_running());
}

#[test]
fn a_tracker_outlives_a_runtime() {
    let tracker = Responses::new();
    let run = |work: &dyn Fn() -> _| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.unwrap();
        let _entered = runtime.enter();
        let request: chirp::requests::TrackedRequest<u32, String> = work();
        (runtime, request)
    };
    let first = run(&|| tracker.track_for("a", Duration::from_millis(1)).unwrap());
    drop(first.0);
    let (runtime, second) = run(&|| tracker.track_for("b", Duration::from_millis(1)).unwrap());
    let timed_out = runtime.block_on(second);
    assert!(matches!(timed_out, Err(TrackedError::TimedOut { .. })));
    let timed_out = runtime.block_on(first.1);
    assert!(matches!(timed_out, Err(TrackedError::TimedOut { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_group_has_a_time_limit_of_its_own() {
    let tracker = Responses::new();
    let mut group = Gather::new().timeout(SHORT);
    for name in ["a", "b"] {
        group = group.add(name, tracker.track(name).unwrap());
    }
    assert!(tracker.respond("a", Ok(1)));
    let answers = group.await;
    assert_eq!(answers[0].result, Ok(1));
    assert!(matches!(answers[1].result, Err(TrackedError::Group(_))));
    assert!(tracker.is_empty(), "the group dropped its requests");
}

#[chirp::service]
trait Work {
    async fn double(&self, number: u32) -> u32;
    async fn wait(&self) -> u32;
}

/// Drops the flag when a handler that waits is dropped.
struct Worker(mpsc::UnboundedSender<()>);

impl Work for Worker {
    async fn double(&self, number: u32) -> u32 {
        number * 2
    }

    async fn wait(&self) -> u32 {
        let _flag = DropFlag(self.0.clone());
        std::future::pending().await
    }
}

fn worker() -> (WorkClient, mpsc::UnboundedReceiver<()>, [Peer; 2]) {
    let (dropped, receiver) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new().service(WorkServer::new(Worker(dropped)));
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    (WorkClient::new(&peer), receiver, [peer, other])
}

#[tokio::test(start_paused = true)]
async fn a_tracked_call_ends_with_its_request() {
    let (work, mut dropped, _peers) = worker();
    let tracker = Tracker::new();
    let doubled = tracker.call("a", work.double(2), SHORT).unwrap();
    assert_eq!(doubled.await.unwrap(), 4);

    let late = tracker.call("b", work.wait(), SHORT).unwrap();
    assert!(matches!(late.await, Err(TrackedError::TimedOut { .. })));
    dropped.recv().await.expect("the handler was cancelled");

    let removed = tracker.call("c", work.wait(), SHORT).unwrap();
    assert!(matches!(
        tracker.call("c", work.wait(), SHORT),
        Err(TrackError::Duplicate { .. })
    ));
    tokio::task::yield_now().await;
    assert!(tracker.remove("c"));
    assert!(matches!(removed.await, Err(TrackedError::Removed)));
    dropped.recv().await.expect("the handler was cancelled");
    assert!(tracker.is_empty());
}

#[tokio::test]
async fn a_tracked_call_may_be_answered_by_another() {
    let (work, mut dropped, peers) = worker();
    let tracker = Tracker::new();
    let waiting = tracker.call("a", work.wait(), SHORT * 100).unwrap();
    // The call has arrived when a later one is answered.
    while peers[1].stats().running == 0 {
        tokio::task::yield_now().await;
    }
    assert!(tracker.respond("a", Ok(7)));
    assert_eq!(waiting.await.unwrap(), 7);
    dropped.recv().await.expect("the handler was cancelled");
}
