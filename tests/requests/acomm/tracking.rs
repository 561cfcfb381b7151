use std::time::Duration;

use chirp::requests::{TrackError, TrackedError, Tracker};
use chirp::{Gather, PeerBuilder, Request};
use tokio::time::Instant;

use super::{ask, serve_with};
use crate::client::post;
use crate::hook_server::HookServer;
use crate::support::{DropFlag, in_time, pair};

type Responses = Tracker<u32, String>;

/// AC-T8: tracking, a duplicate, removal, and a time limit that ends a request also if nothing waits for its response.
#[tokio::test(start_paused = true)]
async fn t8_requests_are_tracked_until_they_end() {
    let tracker = Responses::new();
    let request = tracker.track("a").unwrap();
    assert_eq!(
        tracker.track("a").unwrap_err(),
        TrackError::Duplicate { id: "a".into() }
    );
    assert_eq!(tracker.len(), 1);
    assert!(tracker.remove("a"));
    assert_eq!(tracker.len(), 0);
    assert!(!tracker.remove("a"));
    drop(request);

    let _unpolled = tracker.track_for("b", Duration::from_millis(500)).unwrap();
    assert_eq!(tracker.len(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tracker.len(), 0);
}

/// AC-T9: starting a tracker that runs changes nothing.
#[tokio::test]
async fn t9_a_tracker_is_started_twice() {
    let tracker = Responses::new();
    let request = tracker.track("a").unwrap();
    tracker.start().unwrap();
    tracker.start().unwrap();
    assert!(tracker.respond("a", Ok(1)));
    assert_eq!(request.await, Ok(1));
}

/// AC-T30: a member that cannot be added is none, and the group completes.
#[tokio::test]
async fn t30_a_group_completes_although_one_request_was_not_added() {
    let tracker = Responses::new();
    let mut group = Gather::new();
    let mut failed = 0;
    for id in ["a", "b", "a"] {
        match tracker.track(id) {
            Ok(request) => group = group.add(id, request),
            Err(_) => failed += 1,
        }
    }
    assert_eq!(failed, 1);
    for id in ["a", "b"] {
        assert!(tracker.respond(id, Ok(1)));
    }
    let answers = in_time(group).await;
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer.result == Ok(1)));
}

/// AC-T31: a group of any size completes, with time-outs among its answers.
#[tokio::test(start_paused = true)]
async fn t31_a_group_of_more_than_a_hundred_requests_completes() {
    let tracker = Responses::new();
    let mut group = Gather::new();
    for id in 0..1000 {
        let id = id.to_string();
        group = group.add(&*id, tracker.track(&*id).unwrap());
    }
    for id in 0..999 {
        assert!(tracker.respond(&id.to_string(), Ok(id)));
    }
    let answers = group.await;
    assert_eq!(answers.len(), 1000);
    for answer in answers {
        let id: u32 = answer.from.parse().unwrap();
        match answer.result {
            Ok(number) => assert_eq!(number, id),
            Err(error) => {
                assert_eq!(id, 999);
                assert!(matches!(error, TrackedError::TimedOut { .. }));
            }
        }
    }
    assert!(tracker.is_empty());
}

/// AC-T32: a tracker is stopped twice, also without requests.
#[tokio::test]
async fn t32_a_tracker_is_stopped_twice() {
    let tracker = Responses::new();
    in_time(tracker.stop()).await;
    in_time(tracker.stop()).await;
    assert_eq!(tracker.track("a").unwrap_err(), TrackError::Stopped);
    tracker.start().unwrap();
    drop(tracker.track("a").unwrap());
    in_time(tracker.stop()).await;
}

/// AC-T39: stopping ends when the last open request has timed out, and its caller is told.
#[tokio::test(start_paused = true)]
async fn t39_stopping_waits_for_the_time_limit_of_an_open_request() {
    let tracker = Responses::new();
    let limit = Duration::from_millis(700);
    let request = tracker.track_for("a", limit).unwrap();
    let begun = Instant::now();
    tracker.stop().await;
    assert_eq!(begun.elapsed(), limit);
    assert_eq!(
        request.await,
        Err(TrackedError::TimedOut { timeout: limit })
    );
}

/// AC-T40: a response after the time limit is dropped, its sender is told, and the request has had its one end.
#[tokio::test(start_paused = true)]
async fn t40_a_late_response_is_dropped() {
    let tracker = Responses::new();
    let limit = Duration::from_millis(500);
    let request = tracker.track_for("a", limit).unwrap();
    tokio::time::sleep(limit * 2).await;
    assert!(!tracker.respond("a", Ok(1)));
    assert_eq!(
        request.await,
        Err(TrackedError::TimedOut { timeout: limit })
    );
}

/// AC-T41: the time limit of a tracked call cancels its handler.
#[tokio::test(start_paused = true)]
async fn t41_a_timeout_at_the_caller_cancels_the_work_at_the_callee() {
    let (flag, mut dropped) = DropFlag::new();
    let builder = PeerBuilder::new().handle("wait", move |_: Request| {
        let flag = DropFlag(flag.0.clone());
        async move {
            let _flag = flag;
            std::future::pending::<chirp::packet::ErrorData>().await
        }
    });
    let (peer, _other) = pair(&PeerBuilder::new(), &builder);
    let tracker = Tracker::new();
    let call = peer.call("wait", ());
    let request = tracker.call("a", call, Duration::from_secs(1)).unwrap();
    assert!(matches!(request.await, Err(TrackedError::TimedOut { .. })));
    dropped.recv().await.expect("the handler was dropped");
}

/// AC-T40, AC-T41 for requests of a gateway: the time limit cancels the handler, and is the one response that the hook gets.
#[tokio::test]
async fn t40_t41_a_deferred_request_that_times_out_is_cancelled_and_answered_once() {
    let mut hooks = HookServer::start().await;
    let gateway = serve_with(&hooks).await;
    let hook = hooks.url();
    let headers = [("Chirp-Respond-To", &*hook), ("Chirp-Timeout", "50ms")];
    let response = post(&format!("{gateway}/call/Arith.wait"), &headers, "").await;
    assert_eq!(response.status, 202, "{response:?}");
    let posted = in_time(hooks.next()).await.json();
    assert_eq!(posted["id"], response.json()["id"]);
    assert_eq!(posted["error"]["status"], 504, "{posted}");
    ask(&gateway, &hook, "Arith.nothing", "").await;
    assert_eq!(
        in_time(hooks.next()).await.json()["method"],
        "Arith.nothing"
    );
    assert!(hooks.is_quiet());
}
