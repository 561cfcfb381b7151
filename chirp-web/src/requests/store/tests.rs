#![allow(clippy::unwrap_used, reason = "a test may")]

#[cfg(feature = "requests-store")]
mod files;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chirp_runtime::packet::{Metadata, TraceContext};

use super::{
    Acceptance, DeliveryAttempt, IdempotencyKey, NextStep, RequestChange, RequestEnd,
    RequestOutcome, RequestRecord, RequestStore, StoredRequest, StoredResponse,
};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A time to the millisecond, as files keep it.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn record(number: u8) -> RequestRecord {
    let mut metadata = Metadata::new();
    metadata.append("tenant", "a").unwrap();
    metadata.append("tenant", [0, 255]).unwrap();
    RequestRecord {
        id: [number; 16],
        key: None,
        owner: "ann".into(),
        method: "Jobs.run".into(),
        is_idempotent: false,
        metadata,
        trace: Some(
            TraceContext::parse(TRACE)
                .unwrap()
                .with_state("a=b")
                .unwrap(),
        ),
        hook: Some("https://hooks.example.com/".into()),
        collects: true,
        base_url: Some("https://gateway.example.com/api".into()),
        created: at(0),
        deadline: at(10),
        deliver_until: at(100),
    }
}

fn keyed(number: u8, key: &str, fingerprint: u8) -> RequestRecord {
    RequestRecord {
        key: Some(IdempotencyKey {
            key: key.into(),
            fingerprint: [fingerprint; 32],
        }),
        ..record(number)
    }
}

fn response(body: &'static str) -> StoredResponse {
    StoredResponse {
        is_error: false,
        media_type: "application/json".into(),
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn end(outcome: RequestOutcome, expires: SystemTime) -> RequestChange {
    RequestChange::Finished(RequestEnd {
        outcome,
        at: at(3),
        expires,
    })
}

/// A store in memory, and one in a file, if the feature is there.
struct Stores {
    stores: std::vec::IntoIter<RequestStore>,
    #[cfg(feature = "requests-store")]
    _folder: files::Folder,
}

impl Stores {
    fn new() -> Self {
        #[cfg(feature = "requests-store")]
        let folder = files::Folder::new();
        let stores = vec![
            RequestStore::memory(),
            #[cfg(feature = "requests-store")]
            RequestStore::open(folder.file()).unwrap(),
        ];
        Self {
            stores: stores.into_iter(),
            #[cfg(feature = "requests-store")]
            _folder: folder,
        }
    }
}

impl Iterator for Stores {
    type Item = RequestStore;

    fn next(&mut self) -> Option<RequestStore> {
        self.stores.next()
    }
}

async fn accept(store: &RequestStore, record: RequestRecord) -> Acceptance {
    let arguments = Bytes::from_static(b"{\"a\":1}");
    store.accept(Arc::new(record), arguments).await.unwrap()
}

async fn get(store: &RequestStore, number: u8) -> StoredRequest {
    store.get(&[number; 16]).await.unwrap().unwrap()
}

async fn update(store: &RequestStore, number: u8, change: RequestChange) -> bool {
    store.update(&[number; 16], change).await.unwrap()
}

async fn unfinished(store: &RequestStore, after: u64, max: usize) -> Vec<u8> {
    let found = store.unfinished(after, max).await.unwrap();
    found.iter().map(|request| request.record.id[0]).collect()
}

#[tokio::test]
async fn a_request_is_returned_as_it_was_accepted() {
    for store in Stores::new() {
        let record = record(1);
        assert!(matches!(
            accept(&store, record.clone()).await,
            Acceptance::New
        ));
        let request = get(&store, 1).await;
        assert_eq!(format!("{:?}", request.record), format!("{record:?}"));
        assert_eq!(request.record.trace, record.trace);
        let metadata: Vec<_> = request.record.metadata.iter().collect();
        assert_eq!(metadata, [("tenant", &b"a"[..]), ("tenant", &[0, 255])]);
        assert_eq!(request.arguments, "{\"a\":1}");
        assert_eq!(
            request.progress,
            super::progress::RequestProgress::default()
        );
        assert_eq!(request.next_step(false), NextStep::Run);
        assert!(store.get(&[2; 16]).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_owner_and_to_one_request() {
    for store in Stores::new() {
        let first = accept(&store, keyed(1, "k", 7)).await;
        assert!(matches!(first, Acceptance::New));
        let Acceptance::Repeated(repeated) = accept(&store, keyed(2, "k", 7)).await else {
            panic!("the request was repeated");
        };
        assert_eq!(repeated.record.id, [1; 16]);
        let other = accept(&store, keyed(2, "k", 8)).await;
        assert!(matches!(other, Acceptance::Conflict));
        let mut of_bob = keyed(3, "k", 8);
        of_bob.owner = "bob".into();
        assert!(matches!(accept(&store, of_bob).await, Acceptance::New));
        let same_id = accept(&store, record(1)).await;
        assert!(matches!(same_id, Acceptance::Conflict));
        assert_eq!(unfinished(&store, 0, 10).await, [1, 3]);
    }
}

#[tokio::test]
async fn the_first_response_counts_and_arguments_are_dropped() {
    for store in Stores::new() {
        accept(&store, record(1)).await;
        assert!(update(&store, 1, RequestChange::Begun(at(1))).await);
        assert_eq!(
            get(&store, 1).await.next_step(false),
            NextStep::ReportInterruption
        );
        assert_eq!(get(&store, 1).await.next_step(true), NextStep::Run);
        assert!(update(&store, 1, RequestChange::Answered(at(2), response("1"))).await);
        assert!(!update(&store, 1, RequestChange::Answered(at(3), response("2"))).await);
        let request = get(&store, 1).await;
        assert_eq!(request.next_step(true), NextStep::Deliver);
        assert_eq!(request.response.as_deref(), Some(&response("1")));
        assert_eq!(request.arguments, "");
        assert_eq!(request.progress.begun, Some(at(1)));
        assert_eq!(request.progress.answered, Some(at(2)));
    }
}

#[tokio::test]
async fn an_idempotent_call_that_has_begun_runs_again() {
    for store in Stores::new() {
        let mut idempotent = record(1);
        idempotent.is_idempotent = true;
        accept(&store, idempotent).await;
        update(&store, 1, RequestChange::Begun(at(1))).await;
        assert_eq!(get(&store, 1).await.next_step(false), NextStep::Run);
    }
}

#[tokio::test]
async fn attempts_are_noted_until_the_request_has_finished() {
    for store in Stores::new() {
        accept(&store, record(1)).await;
        update(&store, 1, RequestChange::Answered(at(2), response("1"))).await;
        let attempt = DeliveryAttempt {
            number: 3,
            at: at(4),
            error: "the destination answered 500".into(),
            next: Some(at(8)),
        };
        assert!(update(&store, 1, RequestChange::Attempted(attempt.clone())).await);
        assert_eq!(
            get(&store, 1).await.progress.attempt.as_ref(),
            Some(&attempt)
        );
        assert!(update(&store, 1, end(RequestOutcome::Delivered, at(50))).await);
        assert!(!update(&store, 1, RequestChange::Attempted(attempt)).await);
        assert!(!update(&store, 1, end(RequestOutcome::Failed, at(90))).await);
        let request = get(&store, 1).await;
        let ended = request.progress.end.unwrap();
        assert_eq!(
            (ended.outcome, ended.expires),
            (RequestOutcome::Delivered, at(50))
        );
        assert!(request.response.is_none());
        assert_eq!(unfinished(&store, 0, 10).await, [0; 0]);
        assert!(!update(&store, 9, RequestChange::Begun(at(1))).await);
    }
}

#[tokio::test]
async fn unfinished_requests_are_read_in_pages_and_in_order() {
    for store in Stores::new() {
        for number in [9, 3, 7, 1, 5] {
            accept(&store, record(number)).await;
        }
        update(&store, 7, end(RequestOutcome::Cancelled, at(50))).await;
        assert_eq!(unfinished(&store, 0, 3).await, [9, 3, 1]);
        let last = get(&store, 1).await.sequence;
        assert_eq!(unfinished(&store, last, 3).await, [5]);
        assert_eq!(unfinished(&store, u64::MAX, 3).await, [0; 0]);
    }
}

#[tokio::test]
async fn finished_requests_expire_with_their_keys() {
    for store in Stores::new() {
        for number in 1..=3 {
            accept(&store, keyed(number, &number.to_string(), 0)).await;
        }
        update(&store, 1, RequestChange::Answered(at(2), response("1"))).await;
        update(&store, 1, end(RequestOutcome::Kept, at(50))).await;
        update(&store, 2, end(RequestOutcome::Delivered, at(40))).await;
        assert_eq!(
            get(&store, 1).await.response.as_deref(),
            Some(&response("1"))
        );
        assert_eq!(store.expire(at(39), 10).await.unwrap(), 0);
        assert_eq!(store.expire(at(60), 1).await.unwrap(), 1);
        assert!(store.get(&[2; 16]).await.unwrap().is_none());
        assert_eq!(store.expire(at(60), 10).await.unwrap(), 1);
        assert!(store.get(&[1; 16]).await.unwrap().is_none());
        let again = accept(&store, keyed(4, "1", 9)).await;
        assert!(matches!(again, Acceptance::New));
        assert_eq!(unfinished(&store, 0, 10).await, [3, 4]);
    }
}

#[tokio::test]
async fn removed_requests_are_forgotten_with_their_keys() {
    for store in Stores::new() {
        accept(&store, keyed(1, "k", 0)).await;
        accept(&store, record(2)).await;
        update(&store, 2, end(RequestOutcome::Kept, at(50))).await;
        for number in [1, 2] {
            assert!(store.remove(&[number; 16]).await.unwrap());
            assert!(!store.remove(&[number; 16]).await.unwrap());
            assert!(store.get(&[number; 16]).await.unwrap().is_none());
        }
        assert_eq!(unfinished(&store, 0, 10).await, [0; 0]);
        assert_eq!(store.expire(at(60), 10).await.unwrap(), 0);
        assert!(matches!(
            accept(&store, keyed(3, "k", 9)).await,
            Acceptance::New
        ));
    }
}
