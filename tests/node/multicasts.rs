//! Calls from a node to many others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::{
    Answer, CallContext, CallError, Caller, Node, Receiver, Router, Service, Stream, TemplateError,
};
use tokio::sync::Notify;

use crate::nodes::{ArithClient, address, connected, node, sees};
use crate::support::{in_time, on_both_runtimes};

#[chirp::service]
trait Board {
    async fn hang(&self);
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn sum(&self, numbers: Receiver<u64>) -> u64;
    async fn even(&self, cx: &CallContext, number: u64) -> Result<String, String>;
    #[chirp(oneway)]
    async fn note(&self, line: &str);
}

/// What the handlers of all nodes have done.
#[derive(Default)]
struct Seen {
    started: AtomicUsize,
    dropped: AtomicUsize,
    notes: AtomicUsize,
    changed: Notify,
}

impl Seen {
    fn add(&self, count: &AtomicUsize) {
        count.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    async fn until(&self, done: impl Fn(&Self) -> bool) {
        in_time(async {
            loop {
                let changed = self.changed.notified();
                if done(self) {
                    return;
                }
                changed.await;
            }
        })
        .await;
    }
}

struct Wall(Arc<Seen>);

struct Drops(Arc<Seen>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.add(&self.0.dropped);
    }
}

impl Board for Wall {
    async fn hang(&self) {
        let _drops = Drops(Arc::clone(&self.0));
        self.0.add(&self.0.started);
        std::future::pending::<()>().await;
    }

    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn sum(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            sum += number;
        }
        sum
    }

    async fn even(&self, cx: &CallContext, number: u64) -> Result<String, String> {
        self.0.add(&self.0.started);
        if number.is_multiple_of(2) {
            Ok(cx.node().unwrap_or_default().to_owned())
        } else {
            Err(format!("{number} is odd"))
        }
    }

    async fn note(&self, _line: &str) {
        self.0.add(&self.0.notes);
    }
}

/// A node that has dialled others, which serve a [`Board`].
struct Group {
    hub: Node,
    others: Vec<Node>,
    seen: Arc<Seen>,
}

impl Group {
    async fn start(names: &[&str]) -> Self {
        let seen: Arc<Seen> = Arc::default();
        let mut hub = node("hub");
        let mut others = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let address = address();
            let wall = Wall(Arc::clone(&seen));
            let zone = if number.is_multiple_of(2) { "eu" } else { "us" };
            let other = node(name)
                .service(BoardServer::new(wall))
                .label("zone", zone)
                .listen(&address);
            others.push(other.start().await.unwrap());
            hub = hub.connect(*name, &address);
        }
        let hub = hub.start().await.unwrap();
        sees(&hub, names).await;
        Self { hub, others, seen }
    }
}

fn sorted<T, E>(mut answers: Vec<Answer<T, E>>) -> Vec<Answer<T, E>> {
    answers.sort_by(|one, other| one.from.cmp(&other.from));
    answers
}

fn names<T, E>(answers: &[Answer<T, E>]) -> Vec<&str> {
    answers.iter().map(|answer| &*answer.from).collect()
}

#[test]
fn all_some_and_matching_nodes_are_called() {
    on_both_runtimes(async || {
        let Group { hub, others, .. } = Group::start(&["alpha", "beta", "gamma"]).await;
        let client = ArithClient::unbound();
        let answers = sorted(in_time(hub.all().gather(client.name())).await);
        assert_eq!(names(&answers), ["alpha", "beta", "gamma"]);
        for Answer { from, result } in answers {
            assert_eq!(result.as_deref(), Ok(&*from));
        }
        let some = hub.some(["gamma", "beta", "gamma"]);
        let answers = sorted(in_time(some.gather(client.add(1, 2))).await);
        assert_eq!(names(&answers), ["beta", "gamma"], "each name counts once");
        for answer in answers {
            assert_eq!(answer.result, Ok((3, Some("hub".to_owned()))));
        }
        let in_europe = hub.matching(|peer| {
            let link = peer.info().link;
            link.is_some_and(|link| link.labels.get("zone") == Some("eu"))
        });
        let answers = in_time(in_europe.gather(client.name())).await;
        assert_eq!(names(&sorted(answers)), ["alpha", "gamma"]);

        // The other direction: each has dialled nobody, and knows the hub.
        for other in &others {
            let answers = in_time(other.all().gather(client.name())).await;
            assert_eq!(names(&answers), ["hub"]);
            assert_eq!(answers[0].result.as_deref(), Ok("hub"));
        }
    });
}

#[tokio::test]
async fn a_named_node_that_cannot_be_called_is_an_answer() {
    let Group { hub, others, .. } = Group::start(&["alpha", "beta"]).await;
    others[1].close();
    sees(&hub, &["alpha"]).await;
    let client = ArithClient::unbound();
    let targets = hub.some(["alpha", "beta", "nobody", "hub"]);
    let answers = sorted(in_time(targets.gather(client.name())).await);
    assert_eq!(names(&answers), ["alpha", "beta", "hub", "nobody"]);
    assert_eq!(answers[0].result.as_deref(), Ok("alpha"));
    assert!(
        matches!(answers[1].result, Err(CallError::NotConnected(_))),
        "{answers:?}"
    );
    for (answer, name) in answers[2..].iter().zip(["hub", "nobody"]) {
        let unknown = CallError::UnknownNode(name.into());
        assert_eq!(answer.result, Err(unknown), "a node does not call itself");
    }
    let answers = in_time(hub.all().gather(client.name())).await;
    assert_eq!(names(&answers), ["alpha"]);
}

#[tokio::test]
async fn a_node_without_others_is_answered_at_once() {
    let lonely = node("lonely").start().await.unwrap();
    let client = ArithClient::unbound();
    assert!(lonely.all().gather(client.name()).await.is_empty());
    let error = lonely.all().gather(client.name()).first().await;
    assert_eq!(error.unwrap_err().failures.len(), 0);

    // It is among its own targets if the program asks for it.
    let mut router = Router::default();
    let calculator = crate::nodes::Calculator("lonely".to_owned());
    crate::nodes::ArithServer::new(calculator)
        .register(&mut router)
        .unwrap();
    let targets = lonely.all().and("lonely", &Caller::local(router));
    let answers = in_time(targets.gather(client.name())).await;
    assert_eq!(answers[0].result.as_deref(), Ok("lonely"));
}

#[tokio::test]
async fn errors_of_a_method_and_unknown_methods_are_answers() {
    let Group { hub, others, seen } = Group::start(&["alpha", "beta"]).await;
    let client = BoardClient::unbound();
    for answer in in_time(hub.all().gather(client.even(3))).await {
        let error = answer.result.unwrap_err();
        assert_eq!(error.to_string(), "3 is odd");
    }
    assert_eq!(seen.started.load(Ordering::SeqCst), 2, "each ran once");
    // The hub has no board.
    for answer in in_time(others[0].all().gather(client.note("lost"))).await {
        assert_eq!(answer.result, Ok(()), "nobody hears of a lost note");
    }
    for answer in in_time(others[0].all().gather(client.hang())).await {
        assert!(
            matches!(answer.result, Err(CallError::UnknownMethod { .. })),
            "{answer:?}"
        );
    }
}

#[test]
fn streams_are_results_and_arguments_of_multicasts() {
    on_both_runtimes(async || {
        let Group {
            hub,
            others: _others,
            seen,
        } = Group::start(&["alpha", "beta", "gamma"]).await;
        let client = BoardClient::unbound();
        for answer in in_time(hub.all().gather(client.count(100))).await {
            let mut numbers = answer.result.unwrap();
            let mut sum = 0;
            while let Some(number) = in_time(numbers.recv()).await {
                sum += number.unwrap();
            }
            assert_eq!(sum, 4_950, "from {}", answer.from);
        }
        let group = hub.all().each(|target| {
            let numbers = 0..target.name().len() as u64;
            BoardClient::new(target).sum(tokio_stream::iter(numbers))
        });
        for Answer { from, result } in in_time(group).await {
            let len = from.len() as u64;
            assert_eq!(result, Ok(len * (len - 1) / 2), "{from}");
        }
        let numbers = tokio_stream::iter([1]);
        for answer in in_time(hub.all().gather(client.sum(numbers))).await {
            let refused = CallError::NotTemplate(TemplateError::HasStreams);
            assert_eq!(answer.result, Err(refused));
        }
        for answer in in_time(hub.all().gather(client.note("hello"))).await {
            assert_eq!(answer.result, Ok(()));
        }
        seen.until(|seen| seen.notes.load(Ordering::SeqCst) == 3)
            .await;
    });
}

#[test]
fn a_dropped_multicast_is_cancelled_at_every_node() {
    on_both_runtimes(async || {
        let Group {
            hub,
            others: _others,
            seen,
        } = Group::start(&["alpha", "beta", "gamma"]).await;
        let mut group = hub.all().gather(BoardClient::unbound().hang());
        tokio::select! {
            answer = group.next() => panic!("{answer:?}"),
            () = seen.until(|seen| seen.started.load(Ordering::SeqCst) == 3) => {}
        }
        drop(group);
        seen.until(|seen| seen.dropped.load(Ordering::SeqCst) == 3)
            .await;
    });
}

#[tokio::test]
async fn a_multicast_ends_when_nodes_are_lost() {
    let Group { hub, others, seen } = Group::start(&["alpha", "beta"]).await;
    let group = hub.all().gather(BoardClient::unbound().hang());
    let lose = async {
        seen.until(|seen| seen.started.load(Ordering::SeqCst) == 2)
            .await;
        others[0].close();
        seen.until(|seen| seen.dropped.load(Ordering::SeqCst) == 1)
            .await;
        hub.close();
    };
    let (answers, ()) = in_time(async { tokio::join!(group, lose) }).await;
    let answers = sorted(answers);
    assert_eq!(names(&answers), ["alpha", "beta"]);
    for answer in answers {
        assert!(
            matches!(answer.result, Err(CallError::ConnectionLost(_))),
            "{answer:?}"
        );
    }
    let answers = in_time(hub.some(["beta"]).gather(BoardClient::unbound().hang())).await;
    assert!(
        matches!(answers[0].result, Err(CallError::NotConnected(_))),
        "{answers:?}"
    );
    assert!(
        hub.all()
            .gather(ArithClient::unbound().name())
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_node_that_joins_later_is_called_by_the_next_multicast() {
    let Group {
        hub,
        others: _others,
        ..
    } = Group::start(&["alpha"]).await;
    let address = address();
    hub.listen(&address).await.unwrap();
    let all = hub.all();
    let client = ArithClient::unbound();
    assert_eq!(in_time(all.gather(client.name())).await.len(), 1);
    let beta = node("beta").connect("hub", &address);
    let beta = beta.start().await.unwrap();
    connected(&beta, "hub").await;
    sees(&hub, &["alpha", "beta"]).await;
    let answers = sorted(in_time(all.gather(client.name())).await);
    assert_eq!(names(&answers), ["alpha", "beta"]);
    beta.shutdown(Duration::from_secs(10)).await;
}
