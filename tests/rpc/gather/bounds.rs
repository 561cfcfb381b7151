//! What a group holds, and how long it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::{Answer, CallError, Gather, Peer, PeerBuilder, channel};
use tokio::sync::Semaphore;

use super::{OfficeClient, Seen, offices};

#[chirp::service]
trait Store {
    async fn put(&self, bytes: Vec<u8>);
    async fn get(&self, len: usize) -> Vec<u8>;
    async fn fail(&self, len: usize) -> Result<(), String>;
}

/// Counts the calls in progress, which wait for permits.
struct Shelf {
    running: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

impl Store for Shelf {
    async fn put(&self, _bytes: Vec<u8>) {
        self.running.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    async fn get(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }

    async fn fail(&self, len: usize) -> Result<(), String> {
        Err("x".repeat(len))
    }
}

struct Shelves {
    near: Vec<(String, Peer)>,
    _far: Vec<Peer>,
    running: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

fn shelves(count: usize) -> Shelves {
    let running = Arc::new(AtomicUsize::new(0));
    let permits = Arc::new(Semaphore::new(0));
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for index in 0..count {
        let (left, right) = channel::memory();
        let shelf = Shelf {
            running: Arc::clone(&running),
            permits: Arc::clone(&permits),
        };
        let serves = PeerBuilder::new().service(StoreServer::new(shelf));
        far.push(serves.start(right).unwrap());
        near.push((index.to_string(), PeerBuilder::new().start(left).unwrap()));
    }
    Shelves {
        near,
        _far: far,
        running,
        permits,
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_in_progress_are_limited() {
    let shelves = shelves(5);
    let template = StoreClient::unbound().put(vec![0; 1_000]);
    let mut group = template.gather(shelves.near).max_bytes(2_500);
    for left in (0..5).rev() {
        // Paused time moves on when every task is idle: all calls that are started are running.
        let waited = tokio::time::timeout(Duration::from_secs(1), group.next()).await;
        assert!(waited.is_err(), "{waited:?}");
        let running = shelves.running.load(Ordering::SeqCst);
        assert_eq!(running, 2.min(left + 1), "two calls fit");
        shelves.permits.add_permits(1);
        assert!(group.next().await.unwrap().result.is_ok());
        assert_eq!(group.remaining(), left);
    }
}

#[tokio::test]
async fn one_call_is_in_progress_whatever_its_size() {
    let shelves = shelves(3);
    shelves.permits.add_permits(3);
    let template = StoreClient::unbound().put(vec![0; 10_000]);
    let answers = template.gather(shelves.near).max_bytes(0).await;
    // The answers are empty, so they fit.
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|answer| answer.result.is_ok()));
}

#[tokio::test]
async fn answers_that_are_collected_are_limited() {
    let shelves = shelves(4);
    let get = || {
        StoreClient::unbound()
            .get(1_000)
            .gather(shelves.near.clone())
    };
    let answers = get().max_bytes(2_500).await;
    assert_eq!(answers.len(), 4);
    let (fit, over): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.result.is_ok());
    assert_eq!((fit.len(), over.len()), (2, 2));
    for Answer { result, .. } in over {
        assert_eq!(*result, Err(CallError::GroupTooLarge { limit: 2_500 }));
    }

    let failed = get().max_bytes(2_500).quorum(3).await.unwrap_err();
    assert_eq!((failed.succeeded, failed.failures.len()), (2, 2));

    let mut group = get().max_bytes(2_500);
    while let Some(answer) = group.next().await {
        assert_eq!(answer.result.unwrap().len(), 1_000, "taken one by one");
    }
}

#[tokio::test]
async fn errors_count_as_answers() {
    let shelves = shelves(3);
    let template = StoreClient::unbound().fail(1_000);
    let answers = template.gather(shelves.near).max_bytes(2_500).await;
    let too_large = |answer: &&Answer<_, _>| {
        matches!(
            answer.result,
            Err(chirp::MethodError::Call(CallError::GroupTooLarge { .. }))
        )
    };
    assert_eq!(answers.iter().filter(too_large).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_time_for_the_whole_includes_targets_that_were_not_called() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta", "gamma"], &seen);
    let mut group = OfficeClient::unbound()
        .wait()
        .gather(peers)
        .max_concurrent(2)
        .timeout(Duration::from_secs(5));
    for left in (0..3).rev() {
        let answer = group.next().await.unwrap();
        assert!(
            matches!(answer.result, Err(CallError::DeadlineExceeded { .. })),
            "{answer:?}"
        );
        assert_eq!(group.remaining(), left);
    }
    assert!(group.next().await.is_none());
    assert_eq!(
        seen.calls.load(Ordering::Relaxed),
        2,
        "gamma was not called"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_late_is_named_with_its_method() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha"], &seen);
    let late = Gather::new()
        .add("alpha", OfficeClient::new(&peers[0].1).wait())
        .timeout(Duration::from_secs(5))
        .await;
    let error = late[0].result.clone().unwrap_err();
    assert!(error.to_string().contains("Office.wait"), "{error}");
}
