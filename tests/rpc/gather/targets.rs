//! Choices of targets.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chirp::{CallError, Peer, Targets};
use serde::{Deserialize, Serialize, Serializer};

use super::{Desk, OfficeClient, Seen, offices, sorted};

fn names(answers: Vec<chirp::Answer<String>>) -> Vec<String> {
    sorted(answers)
        .into_iter()
        .map(|(from, value)| {
            assert_eq!(value.as_deref(), Some(&*from));
            from.to_string()
        })
        .collect()
}

#[tokio::test]
async fn a_choice_of_targets_is_called_any_number_of_times() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let targets = Targets::new(peers);
    let client = OfficeClient::unbound();
    for _ in 0..2 {
        assert_eq!(
            names(targets.gather(client.name()).await),
            ["alpha", "beta"]
        );
    }
    for answer in targets.gather(client.log("started")).await {
        answer.result.unwrap();
    }
    seen.until(|seen| seen.logged.load(Ordering::Relaxed) == 2)
        .await;
    let answers = targets
        .each(|target| OfficeClient::new(target).name())
        .await;
    assert_eq!(names(answers), ["alpha", "beta"]);
    assert_eq!(format!("{targets:?}"), r#"["alpha", "beta"]"#);
}

#[tokio::test]
async fn targets_are_looked_up_for_each_group() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let known: Arc<Mutex<Vec<(&str, Peer)>>> = Arc::default();
    let current = Arc::clone(&known);
    let targets = Targets::from_fn(move || current.lock().unwrap().clone());
    let client = OfficeClient::unbound();
    assert!(targets.gather(client.name()).await.is_empty());

    known.lock().unwrap().push(peers[0].clone());
    let group = targets.gather(client.name());
    known.lock().unwrap().push(peers[1].clone());
    assert_eq!(
        names(group.await),
        ["alpha"],
        "later targets are not called"
    );
    assert_eq!(
        names(targets.gather(client.name()).await),
        ["alpha", "beta"]
    );
}

#[tokio::test]
async fn a_target_can_be_in_this_process() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha"], &seen);
    let me = chirp::Caller::local({
        let mut router = chirp::Router::default();
        let desk = Desk {
            name: "me",
            seen: Arc::clone(&seen),
        };
        chirp::Service::register(super::OfficeServer::new(desk), &mut router).unwrap();
        router
    });
    let targets = Targets::new(peers).and("me", &me);
    let answers = targets.gather(OfficeClient::unbound().name()).await;
    assert_eq!(names(answers), ["alpha", "me"]);
}

thread_local! {
    static ENCODED: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often it is encoded.
#[derive(Deserialize)]
struct Counted;

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ENCODED.set(ENCODED.get() + 1);
        serializer.serialize_unit_struct("Counted")
    }
}

#[chirp::service]
trait Count {
    async fn take(&self, value: &Counted) -> Result<(), String>;
}

struct Takes(Arc<AtomicUsize>);

impl Count for Takes {
    async fn take(&self, _value: &Counted) -> Result<(), String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn arguments_are_encoded_once_and_each_handler_runs_once() {
    let taken = Arc::default();
    let local = CountServer::new(Takes(Arc::clone(&taken)));
    let (left, right) = chirp::channel::memory();
    let _far = chirp::PeerBuilder::new()
        .service(local)
        .start(right)
        .unwrap();
    let near = chirp::PeerBuilder::new().start(left).unwrap();

    let targets = Targets::new((0..50).map(|index| (index.to_string(), near.clone())));
    let answers = targets.gather(CountClient::unbound().take(&Counted)).await;
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|answer| answer.result.is_ok()));
    assert_eq!(ENCODED.get(), 1);
    assert_eq!(taken.load(Ordering::Relaxed), 50);
}

#[tokio::test]
async fn one_target_may_fail_to_connect() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha"], &seen);
    let gone = chirp::PeerBuilder::new()
        .reconnecting("unix:///nonexistent/chirp.sock")
        .unwrap();
    let targets = Targets::new(peers).and("gone", &gone.fail_fast());
    let mut answers = targets.gather(OfficeClient::unbound().name()).await;
    answers.sort_by(|a, b| a.from.cmp(&b.from));
    assert_eq!(answers[0].result.as_deref(), Ok("alpha"));
    assert!(
        matches!(answers[1].result, Err(CallError::NotConnected(_))),
        "{answers:?}"
    );
}
