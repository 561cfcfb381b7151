//! Streams in service signatures, end to end.

use crate::support::{DropFlag, LINKS_AND_PROXY, Link, connected, idle};
use chirp::{
    CallContext, ItemError, MethodError, Peer, PeerBuilder, Receiver, Sender, StreamError,
};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum TableError {
    #[error("there is no such table")]
    #[chirp(code = 4)]
    Missing,
    #[error("row {row} is broken")]
    #[chirp(code = 5)]
    Broken { row: u64 },
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Source {
    name: String,
    numbers: Receiver<u64>,
}

#[chirp::service]
trait Numbers {
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    fn ready(&self, numbers: Vec<u64>) -> impl Stream<Item = u64>;
    async fn words(&self, text: &str, cx: &CallContext) -> impl Stream<Item = String>;
    async fn rows(
        &self,
        table: &str,
    ) -> Result<impl Stream<Item = Result<u64, TableError>>, TableError>;
    async fn forever(&self, ready: bool) -> impl Stream<Item = u64>;
    async fn total(&self, numbers: Receiver<u64>) -> Result<u64, String>;
    async fn first(&self, numbers: Receiver<u64>) -> u64;
    async fn pairs(&self, left: Receiver<u64>, right: Receiver<String>) -> Vec<(u64, String)>;
    async fn times(&self, numbers: Receiver<u64>, factor: &u64) -> impl Stream<Item = u64>;
    #[chirp(named)]
    async fn scaled(&self, numbers: Receiver<u64>, factor: u64) -> u64;
    async fn fill(&self, to: u64, numbers: Sender<u64>);
    async fn source(&self, name: &str) -> Source;
    async fn sources(&self) -> impl Stream<Item = Source>;
}

struct Server {
    prefix: String,
    flag: mpsc::UnboundedSender<()>,
}

impl Numbers for Server {
    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    fn ready(&self, numbers: Vec<u64>) -> impl Stream<Item = u64> {
        tokio_stream::iter(numbers)
    }

    async fn words(&self, text: &str, cx: &CallContext) -> impl Stream<Item = String> {
        async_stream::stream! {
            for word in text.split(' ') {
                tokio::task::yield_now().await;
                yield format!("{} {word} {}", self.prefix, cx.deadline().is_some());
            }
        }
    }

    async fn rows(
        &self,
        table: &str,
    ) -> Result<impl Stream<Item = Result<u64, TableError>>, TableError> {
        if table == "none" {
            return Err(TableError::Missing);
        }
        let rows = [Ok(1), Ok(2), Err(TableError::Broken { row: 3 }), Ok(4)];
        let rows = rows.into_iter();
        Ok(tokio_stream::iter(
            rows.filter(move |row| table == "broken" || row.is_ok()),
        ))
    }

    async fn forever(&self, ready: bool) -> impl Stream<Item = u64> {
        let flag = DropFlag(self.flag.clone());
        async_stream::stream! {
            let _flag = flag;
            loop {
                yield 1;
                if !ready {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> Result<u64, String> {
        let mut total = 0;
        while let Some(number) = numbers.recv().await {
            total += number.map_err(|error| format!("lost after {total}: {error}"))?;
        }
        Ok(total)
    }

    async fn first(&self, mut numbers: Receiver<u64>) -> u64 {
        let first = numbers.recv().await.expect("one");
        first.expect("whole")
    }

    async fn pairs(&self, left: Receiver<u64>, right: Receiver<String>) -> Vec<(u64, String)> {
        let (left, right): (Result<Vec<_>, _>, Result<Vec<_>, _>) =
            tokio::join!(left.collect(), right.collect());
        let pairs = left.expect("whole").into_iter().zip(right.expect("whole"));
        pairs.collect()
    }

    async fn times(&self, numbers: Receiver<u64>, factor: &u64) -> impl Stream<Item = u64> {
        numbers.map_while(move |number| Some(number.ok()? * factor))
    }

    async fn scaled(&self, numbers: Receiver<u64>, factor: u64) -> u64 {
        self.total(numbers).await.expect("whole") * factor
    }

    async fn fill(&self, to: u64, mut numbers: Sender<u64>) {
        for number in 0..to {
            numbers.send(number).await.expect("taken");
        }
        numbers.finish();
    }

    async fn source(&self, name: &str) -> Source {
        let (mut sender, numbers) = chirp::stream::channel();
        tokio::spawn(async move {
            for number in 0..3 {
                sender.send(number).await.expect("taken");
            }
            sender.finish();
        });
        let name = name.to_owned();
        Source { name, numbers }
    }

    async fn sources(&self) -> impl Stream<Item = Source> {
        tokio_stream::iter(["a", "b"]).then(|name| self.source(name))
    }
}

/// A client, and a receiver that learns when a stream of the server is dropped.
struct World {
    client: NumbersClient,
    dropped: mpsc::UnboundedReceiver<()>,
}

/// Both peers, if there is a connection.
async fn world(link: Option<Link>) -> (World, Vec<Peer>) {
    let (flag, dropped) = mpsc::unbounded_channel();
    let prefix = "the".to_owned();
    let server = Server { prefix, flag };
    let Some(link) = link else {
        let client = NumbersClient::local(server);
        return (World { client, dropped }, Vec::new());
    };
    let builder = PeerBuilder::new().service(NumbersServer::new(server));
    let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
    let client = NumbersClient::new(&peer);
    (World { client, dropped }, vec![peer, other])
}

async fn all<T: chirp::codec::Item, E>(stream: Receiver<T, E>) -> Result<Vec<T>, E> {
    stream.collect().await
}

/// Runs each test over every kind of connection and locally, on one thread and on several.
macro_rules! everywhere {
    (@one $name:ident) => {
        for link in LINKS_AND_PROXY.into_iter().map(Some).chain([None]) {
            let (world, peers) = world(link).await;
            super::$name(world).await;
            for peer in &peers {
                idle(peer).await;
            }
        }
    };
    ($($name:ident),* $(,)?) => {
        mod on_one_thread {
            use super::*;
            $(#[tokio::test] async fn $name() { everywhere!(@one $name) })*
        }
        mod on_several_threads {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() { everywhere!(@one $name) }
            )*
        }
    };
}

everywhere!(
    a_result_is_a_stream,
    a_stream_borrows,
    an_error_before_the_first_item_is_the_calls,
    an_item_may_be_an_error,
    a_receiver_that_is_dropped_stops_the_stream,
    an_argument_is_a_stream,
    a_handler_tells_the_end_from_the_loss,
    a_callers_stream_ends_with_its_call,
    a_call_that_is_started_takes_its_stream,
    both_directions_at_once,
    halves_travel_in_values,
);

async fn a_result_is_a_stream(World { client, .. }: World) {
    let numbers = all(client.count(10_000).await.expect("begun")).await;
    assert_eq!(numbers.expect("all"), (0..10_000).collect::<Vec<_>>());
    let numbers = all(client.ready(vec![3, 1]).await.expect("begun")).await;
    assert_eq!(numbers.expect("all"), [3, 1]);
    let none = all(client.count(0).await.expect("begun")).await;
    assert!(none.expect("all").is_empty());
}

async fn a_stream_borrows(World { client, .. }: World) {
    let words = all(client.words("cat sat").await.expect("begun"));
    assert_eq!(
        words.await.expect("all"),
        ["the cat false", "the sat false"]
    );
}

async fn an_error_before_the_first_item_is_the_calls(World { client, .. }: World) {
    let error = client.rows("none").await.expect_err("there is none");
    assert!(
        matches!(error, MethodError::Handler(TableError::Missing)),
        "{error:?}"
    );
    let rows = all(client.rows("whole").await.expect("begun")).await;
    assert_eq!(rows.expect("all"), [1, 2, 4]);
}

async fn an_item_may_be_an_error(World { client, .. }: World) {
    let mut rows = client.rows("broken").await.expect("begun");
    for row in [1, 2] {
        assert_eq!(rows.recv().await.expect("an item").expect("a row"), row);
    }
    let error = rows.recv().await.expect("an item").expect_err("broken");
    assert!(
        matches!(error, ItemError::Handler(TableError::Broken { row: 3 })),
        "{error:?}"
    );
    assert!(rows.recv().await.is_none());
}

async fn a_receiver_that_is_dropped_stops_the_stream(world: World) {
    let World {
        client,
        mut dropped,
        ..
    } = world;
    for ready in [false, true] {
        let mut numbers = client.forever(ready).await.expect("begun");
        assert_eq!(numbers.recv().await.expect("an item").expect("one"), 1);
        drop(numbers);
        dropped.recv().await.expect("the stream is dropped");
    }
}

async fn an_argument_is_a_stream(World { client, .. }: World) {
    let total = client.total(tokio_stream::iter(0..10_000)).await;
    assert_eq!(total.expect("a total"), 49_995_000);
    let pairs = client.pairs(
        tokio_stream::iter([1, 2]),
        tokio_stream::iter(["a".to_owned(), "b".to_owned()]),
    );
    assert_eq!(
        pairs.await.expect("pairs"),
        [(1, "a".to_owned()), (2, "b".to_owned())]
    );
    let scaled = client.scaled(tokio_stream::iter([1, 2]), 10).await;
    assert_eq!(scaled.expect("a number"), 30);
}

async fn a_handler_tells_the_end_from_the_loss(World { client, .. }: World) {
    let (mut sender, numbers) = chirp::stream::channel();
    let call = client.total(numbers).start();
    sender.send(7).await.expect("taken");
    sender.finish();
    assert_eq!(call.await.expect("a total"), 7);

    let (mut sender, numbers) = chirp::stream::channel();
    let call = client.total(numbers).start();
    sender.send(7).await.expect("taken");
    sender.fail("no more");
    let error = call.await.expect_err("it is not whole").to_string();
    assert!(error.ends_with("lost after 7: no more"), "{error}");

    // Queued items are dropped with a sender that gives no reason.
    let (mut sender, numbers) = chirp::stream::channel();
    let call = client.total(numbers).start();
    sender.send(7).await.expect("taken");
    drop(sender);
    let error = call.await.expect_err("it is not whole").to_string();
    assert!(error.ends_with("the stream was cancelled"), "{error}");
}

async fn a_callers_stream_ends_with_its_call(World { client, .. }: World) {
    let (flag, mut dropped) = DropFlag::new();
    let numbers = async_stream::stream! {
        let _flag = flag;
        yield 5;
        std::future::pending::<()>().await;
    };
    assert_eq!(client.first(numbers).await.expect("answered"), 5);
    dropped.recv().await.expect("the stream is dropped");
}

async fn a_call_that_is_started_takes_its_stream(World { client, .. }: World) {
    let (mut sender, numbers) = chirp::stream::channel();
    let call = client.total(numbers).start();
    // These are more items than a stream holds before its handler runs.
    for _ in 0..10_000 {
        sender.send(1).await.expect("taken");
    }
    sender.finish();
    assert_eq!(call.await.expect("a total"), 10_000);
}

async fn both_directions_at_once(World { client, .. }: World) {
    let (mut sender, numbers) = chirp::stream::channel();
    let mut products = client.times(numbers, &3).await.expect("begun");
    for number in 0..100 {
        sender.send(number).await.expect("taken");
        let product = products.recv().await.expect("an item").expect("a product");
        assert_eq!(product, number * 3);
    }
    sender.finish();
    assert!(products.recv().await.is_none());
}

async fn halves_travel_in_values(World { client, .. }: World) {
    let (sender, numbers) = chirp::stream::channel();
    let (filled, numbers) = tokio::join!(client.fill(3, sender), all(numbers));
    filled.expect("answered");
    assert_eq!(numbers.expect("all"), [0, 1, 2]);

    let Source { name, numbers } = client.source("x").await.expect("a source");
    assert_eq!(
        (name.as_str(), all(numbers).await.expect("all")),
        ("x", vec![0, 1, 2])
    );

    let mut sources = client.sources().await.expect("begun");
    let mut seen = Vec::new();
    while let Some(source) = sources.recv().await {
        let Source { name, numbers } = source.expect("a source");
        let numbers: Result<Vec<u64>, StreamError> = all(numbers).await;
        assert_eq!(numbers.expect("all"), [0, 1, 2]);
        seen.push(name);
    }
    assert_eq!(seen, ["a", "b"]);
}
