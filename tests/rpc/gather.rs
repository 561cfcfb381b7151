//! Calls to many targets.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod bounds;
mod context;
mod each;
mod executors;
mod targets;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::{
    Answer, CallError, Gather, MethodError, Peer, PeerBuilder, Receiver, Stream, TemplateError,
    channel,
};
use tokio::sync::Notify;

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
#[error("{who} is out")]
#[chirp(code = 1)]
struct Out {
    who: String,
}

#[chirp::service]
trait Office {
    async fn name(&self) -> String;
    async fn ask(&self, topic: &str) -> Result<String, Out>;
    async fn wait(&self);
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn total(&self, numbers: Receiver<u64>) -> u64;
    #[chirp(oneway)]
    async fn log(&self, line: &str);
}

#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    logged: AtomicUsize,
    changed: Notify,
    dropped: AtomicUsize,
}

impl Seen {
    async fn until(&self, done: impl Fn(&Self) -> bool) {
        let waits = async {
            loop {
                let changed = self.changed.notified();
                if done(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waits)
            .await
            .expect("it happens");
    }
}

struct Desk {
    name: &'static str,
    seen: Arc<Seen>,
}

struct Leaves<'a>(&'a Seen);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }
}

impl Office for Desk {
    async fn name(&self) -> String {
        self.seen.calls.fetch_add(1, Ordering::Relaxed);
        self.name.to_owned()
    }

    async fn ask(&self, topic: &str) -> Result<String, Out> {
        self.seen.calls.fetch_add(1, Ordering::Relaxed);
        match self.name {
            "gamma" => Err(Out {
                who: self.name.to_owned(),
            }),
            name => Ok(format!("{name}: {topic}")),
        }
    }

    async fn wait(&self) {
        let _leaves = Leaves(&self.seen);
        self.seen.calls.fetch_add(1, Ordering::Relaxed);
        self.seen.changed.notify_waiters();
        std::future::pending::<()>().await;
    }

    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            total += number;
        }
        total
    }

    async fn log(&self, _line: &str) {
        self.seen.logged.fetch_add(1, Ordering::Relaxed);
        self.seen.changed.notify_waiters();
    }
}

/// Connected peers by name; the other sides serve until they are dropped.
fn offices(names: &[&'static str], seen: &Arc<Seen>) -> (Vec<(&'static str, Peer)>, Vec<Peer>) {
    let mut near = Vec::new();
    let mut far = Vec::new();
    for name in names {
        let (left, right) = channel::memory();
        let seen = Arc::clone(seen);
        let serves = PeerBuilder::new().service(OfficeServer::new(Desk { name, seen }));
        far.push(serves.start(right).unwrap());
        near.push((*name, PeerBuilder::new().start(left).unwrap()));
    }
    (near, far)
}

fn sorted<T: Ord, E>(answers: Vec<Answer<T, E>>) -> Vec<(Arc<str>, Option<T>)> {
    let mut all: Vec<_> = answers
        .into_iter()
        .map(|answer| (answer.from, answer.result.ok()))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn every_target_has_one_answer() {
    let seen = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta", "gamma"], &seen);
    let answers = OfficeClient::unbound().ask("tea").gather(peers).await;
    assert_eq!(answers.len(), 3);
    for Answer { from, result } in answers {
        match &*from {
            "gamma" => {
                let Err(MethodError::Handler(out)) = result else {
                    panic!("{result:?}")
                };
                assert_eq!(
                    out,
                    Out {
                        who: "gamma".to_owned()
                    }
                );
            }
            name => assert_eq!(result.unwrap(), format!("{name}: tea")),
        }
    }
    assert_eq!(
        seen.calls.load(Ordering::Relaxed),
        3,
        "each runs exactly once"
    );
}

#[tokio::test]
async fn a_target_that_is_gone_has_a_typed_error() {
    let seen = Arc::default();
    let (peers, far) = offices(&["alpha", "beta"], &seen);
    far[1].close();
    peers[1].1.closed().await;
    let mut answers = OfficeClient::unbound().name().gather(peers).await;
    answers.sort_by(|a, b| a.from.cmp(&b.from));
    assert_eq!(answers[0].result.as_deref().unwrap(), "alpha");
    assert!(
        matches!(answers[1].result, Err(CallError::ConnectionLost(_))),
        "{answers:?}"
    );
}

#[tokio::test]
async fn no_targets_are_answered_at_once() {
    let none: [(&str, Peer); 0] = [];
    assert!(OfficeClient::unbound().name().gather(none).await.is_empty());
    let none: Gather<u8> = Gather::new();
    assert!(none.await.is_empty());
    let none: Gather<u8> = Gather::new();
    assert_eq!(
        none.first().await.unwrap_err().to_string(),
        "0 of 1 needed targets succeeded"
    );
}

#[tokio::test(start_paused = true)]
async fn a_time_for_the_whole_fails_who_is_late_and_cancels_there() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let answers = OfficeClient::unbound()
        .wait()
        .gather(peers)
        .timeout(Duration::from_secs(5))
        .await;
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert!(
            matches!(answer.result, Err(CallError::DeadlineExceeded { .. })),
            "{answer:?}"
        );
    }
    seen.until(|seen| seen.dropped.load(Ordering::Relaxed) == 2)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_s_own_timeout_holds_for_each_target() {
    let seen = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let call = OfficeClient::unbound()
        .wait()
        .timeout(Duration::from_secs(1));
    for answer in call.gather(peers).await {
        assert!(
            matches!(answer.result, Err(CallError::DeadlineExceeded { .. })),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn dropping_a_group_cancels_everywhere() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta", "gamma"], &seen);
    let mut group = OfficeClient::unbound().wait().gather(peers);
    tokio::select! {
        biased;
        answer = group.next() => panic!("{answer:?}"),
        () = seen.until(|seen| seen.calls.load(Ordering::Relaxed) == 3) => {}
    }
    drop(group);
    seen.until(|seen| seen.dropped.load(Ordering::Relaxed) == 3)
        .await;
}

#[tokio::test]
async fn the_first_success_is_enough_and_a_quorum_fails_early() {
    let seen = Arc::default();
    let (peers, _far) = offices(&["alpha", "gamma"], &seen);
    let (who, said) = OfficeClient::unbound()
        .ask("tea")
        .gather(peers.clone())
        .first()
        .await
        .unwrap();
    assert_eq!((&*who, said.as_str()), ("alpha", "alpha: tea"));

    let failed = OfficeClient::unbound()
        .ask("tea")
        .gather(peers.clone())
        .quorum(2)
        .await
        .unwrap_err();
    assert_eq!(failed.needed, 2);
    assert_eq!(failed.failures.len(), 1);
    assert!(
        failed.to_string().ends_with("gamma: gamma is out"),
        "{failed}"
    );

    let both = OfficeClient::unbound()
        .name()
        .gather(peers)
        .quorum(2)
        .await
        .unwrap();
    assert_eq!(both.len(), 2);
}

#[tokio::test]
async fn a_quorum_that_can_still_be_reached_cancels_the_others() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha"], &seen);
    let waits = OfficeClient::new(&peers[0].1).wait();
    let name = OfficeClient::new(&peers[0].1).name();
    let group = Gather::new()
        .add("waits", async { waits.await.map(|()| String::new()) })
        .add("name", name);
    let (who, _) = group.first().await.unwrap();
    assert_eq!(&*who, "name");
    seen.until(|seen| seen.dropped.load(Ordering::Relaxed) == 1)
        .await;
}

#[tokio::test]
async fn one_way_calls_and_streams_as_results_are_gathered() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    for answer in OfficeClient::unbound()
        .log("started")
        .gather(peers.clone())
        .await
    {
        answer.result.unwrap();
    }
    seen.until(|seen| seen.logged.load(Ordering::Relaxed) == 2)
        .await;

    for answer in OfficeClient::unbound().count(3).gather(peers).await {
        let mut numbers = answer.result.unwrap();
        let mut all = Vec::new();
        while let Some(number) = numbers.recv().await {
            all.push(number.unwrap());
        }
        assert_eq!(all, [0, 1, 2]);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_twice_is_refused_for_each_target() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let client = OfficeClient::unbound();

    let answers = client
        .total(tokio_stream::iter([1]))
        .gather(peers.clone())
        .await;
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let expected = CallError::NotTemplate(TemplateError::HasStreams);
        assert_eq!(answer.result, Err(expected));
    }
    let started = OfficeClient::new(&peers[0].1).wait().start();
    for answer in started.gather(peers.clone()).await {
        let expected = CallError::NotTemplate(TemplateError::Sent);
        assert_eq!(answer.result, Err(expected));
    }
    let mapped = client.wait().map_err(|error: CallError| error);
    for answer in mapped.gather(peers).await {
        let expected = CallError::NotTemplate(TemplateError::ErrorMapped);
        assert_eq!(answer.result, Err(expected));
    }
}

#[tokio::test]
async fn calls_of_an_unbound_client_are_not_sent_by_themselves() {
    let client = OfficeClient::unbound();
    assert_eq!(client.name().await, Err(CallError::Unbound));
    assert_eq!(client.log("lost").await, Err(CallError::Unbound));
    assert_eq!(client.count(3).await.unwrap_err(), CallError::Unbound);
    assert_eq!(
        client.total(tokio_stream::iter([1])).await,
        Err(CallError::Unbound)
    );
    assert_eq!(
        client.check_compatibility().await.unwrap_err(),
        CallError::Unbound
    );
    assert!(CallError::Unbound.is_safe_to_retry());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_targets_with_few_calls_at_once() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta"], &seen);
    let targets = (0..1_000).map(|index| (format!("{index}"), &peers[index % 2].1));
    let answers = OfficeClient::unbound()
        .name()
        .gather(targets)
        .max_concurrent(7)
        .await;
    let named = sorted(answers);
    assert_eq!(named.len(), 1_000);
    assert!(named.iter().all(|(_, value)| value.is_some()));
    assert_eq!(seen.calls.load(Ordering::Relaxed), 1_000);
}

#[tokio::test]
async fn a_group_is_a_future_and_a_stream() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha", "beta", "gamma"], &seen);
    let mut group = OfficeClient::unbound().name().gather(peers);
    let first = std::future::poll_fn(|cx| Pin::new(&mut group).poll_next(cx)).await;
    let first = first.unwrap().from;
    assert_eq!(group.size_hint(), (2, Some(2)));
    let (rest, ()) = tokio::join!(group, async {});
    assert_eq!(
        rest.len(),
        2,
        "the future returns those that were not taken"
    );
    assert!(rest.iter().all(|answer| answer.from != first));
}

#[tokio::test]
async fn a_group_that_is_awaited_again_goes_on_collecting() {
    let seen: Arc<Seen> = Arc::default();
    let (peers, _far) = offices(&["alpha"], &seen);
    let client = OfficeClient::new(&peers[0].1);
    let mut group = Gather::new()
        .add("name", client.name())
        .add("waits", async move {
            client.wait().await.map(|()| String::new())
        })
        .timeout(Duration::from_secs(1));
    tokio::select! {
        answers = &mut group => panic!("{answers:?}"),
        () = seen.until(|seen| seen.calls.load(Ordering::Relaxed) == 2) => {}
    }
    let answers = group.await;
    let names: Vec<_> = answers.iter().map(|answer| &*answer.from).collect();
    assert_eq!(
        names,
        ["name", "waits"],
        "what was collected before is kept"
    );
}
