//! Stream halves as values in arguments, results and items, in any codec.

mod bytes;
mod limits;

use crate::support::{LINKS_AND_PROXY, Link, connected, idle};
use chirp::stream::channel;
use chirp::{ConnectionStats, PeerBuilder, Receiver, Sender, StreamError};
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt;

/// A name, and a stream of lines.
#[derive(Debug, Serialize, Deserialize)]
struct Feed {
    name: String,
    lines: Receiver<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sink {
    numbers: Sender<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sources {
    feeds: Receiver<Feed>,
}

#[chirp::service]
trait Feeds {
    /// Returns a half in a value.
    async fn open(&self, name: &str, lines: u32) -> Feed;
    /// Takes halves in an argument.
    async fn merge(&self, feeds: Vec<Feed>) -> Result<Vec<String>, String>;
    /// Returns halves in items.
    async fn sources(&self, feeds: u32, lines: u32) -> Sources;
    /// Takes a sender.
    async fn count(&self, to: u64, sink: Sink) -> u64;
}

struct Files;

async fn send_lines(mut lines: Sender<String>, name: String, count: u32) {
    for line in 0..count {
        if lines.send(format!("{name} {line}")).await.is_err() {
            return;
        }
    }
    lines.finish();
}

fn feed(name: String, count: u32) -> Feed {
    let (sender, lines) = channel();
    tokio::spawn(send_lines(sender, name.clone(), count));
    Feed { name, lines }
}

impl Feeds for Files {
    async fn open(&self, name: &str, lines: u32) -> Feed {
        feed(name.to_owned(), lines)
    }

    async fn merge(&self, feeds: Vec<Feed>) -> Result<Vec<String>, String> {
        let mut merged = Vec::new();
        for mut feed in feeds {
            while let Some(line) = feed.lines.recv().await {
                merged.push(line.map_err(|error| format!("{}: {error}", feed.name))?);
            }
        }
        Ok(merged)
    }

    async fn sources(&self, feeds: u32, lines: u32) -> Sources {
        let (mut sender, receiver) = channel();
        tokio::spawn(async move {
            for number in 0..feeds {
                sender.send(feed(format!("feed {number}"), lines)).await?;
            }
            sender.finish();
            Ok::<_, StreamError>(())
        });
        Sources { feeds: receiver }
    }

    async fn count(&self, to: u64, mut sink: Sink) -> u64 {
        tokio::spawn(async move {
            for number in 0..to {
                sink.numbers.send(number).await?;
            }
            sink.numbers.finish();
            Ok::<_, StreamError>(())
        });
        to
    }
}

async fn clients() -> Vec<(Link, FeedsClient, chirp::Peer, chirp::Peer)> {
    let mut clients = Vec::new();
    for link in LINKS_AND_PROXY {
        let server = PeerBuilder::new().service(FeedsServer::new(Files));
        let (near, far) = connected(link, &PeerBuilder::new(), &server).await;
        clients.push((link, FeedsClient::new(&near), near, far));
    }
    clients
}

async fn read_all<T: chirp::codec::Item>(mut receiver: Receiver<T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(item) = receiver.recv().await {
        all.push(item.expect("a stream that is finished"));
    }
    all
}

#[tokio::test]
async fn a_half_may_be_in_a_result() {
    for (link, client, ..) in clients().await {
        let feed = client.open("log", 1000).await.expect("a feed");
        assert_eq!(feed.name, "log");
        let lines = read_all(feed.lines).await;
        assert_eq!(lines.len(), 1000, "{link:?}");
        assert_eq!(lines[999], "log 999");
    }
}

#[tokio::test]
async fn halves_may_be_in_an_argument() {
    for (link, client, ..) in clients().await {
        let feeds = (0..3).map(|number| feed(format!("{number}"), 50)).collect();
        let merged = client.merge(feeds).await.expect("lines");
        assert_eq!(merged.len(), 150, "{link:?}");
        assert_eq!(merged[149], "2 49");
    }
}

#[tokio::test]
async fn halves_may_be_in_items() {
    for (link, client, ..) in clients().await {
        let sources = client.sources(40, 100).await.expect("sources");
        let feeds = read_all(sources.feeds).await;
        assert_eq!(feeds.len(), 40, "{link:?}");
        for (number, feed) in feeds.into_iter().enumerate() {
            assert_eq!(feed.name, format!("feed {number}"));
            assert_eq!(read_all(feed.lines).await.len(), 100);
        }
    }
}

#[tokio::test]
async fn a_sender_may_be_in_an_argument() {
    for (link, client, ..) in clients().await {
        let (numbers, receiver) = channel();
        assert_eq!(
            client
                .count(10_000, Sink { numbers })
                .await
                .expect("10,000"),
            10_000
        );
        let numbers = read_all(receiver).await;
        assert!(numbers.into_iter().eq(0..10_000), "{link:?}");
    }
}

#[tokio::test]
async fn a_sender_that_is_dropped_is_a_failure() {
    for (link, client, ..) in clients().await {
        let (mut lines, receiver) = channel();
        lines.send("one".to_owned()).await.expect("room");
        drop(lines);
        let feed = Feed {
            name: "half".to_owned(),
            lines: receiver,
        };
        let error = client.merge(vec![feed]).await.expect_err("half a file");
        assert_eq!(
            error.to_string(),
            "half: the stream was cancelled",
            "{link:?}"
        );
    }
}

#[tokio::test]
async fn halves_work_without_a_connection() {
    let client = FeedsClient::local(Files);
    let feed = client.open("log", 1000).await.expect("a feed");
    assert_eq!(read_all(feed.lines).await.len(), 1000);
    let feeds = (0..3)
        .map(|number| self::feed(format!("{number}"), 50))
        .collect();
    assert_eq!(client.merge(feeds).await.expect("lines").len(), 150);
    let sources = client.sources(4, 10).await.expect("sources");
    for feed in read_all(sources.feeds).await {
        assert_eq!(read_all(feed.lines).await.len(), 10);
    }
}

#[tokio::test]
async fn finished_streams_leave_no_state() {
    for (link, client, near, far) in clients().await {
        for _ in 0..20 {
            let mut feed = client.open("log", 1_000_000).await.expect("a feed");
            feed.lines.recv().await.expect("a line").expect("a line");
        }
        drop(client);
        for peer in [&near, &far] {
            idle(peer).await;
            assert_eq!(peer.stats(), ConnectionStats::default(), "{link:?}");
        }
    }
}

/// Passes halves on to another peer.
struct Relay(FeedsClient);

impl Feeds for Relay {
    async fn open(&self, name: &str, lines: u32) -> Feed {
        self.0.open(name, lines).await.expect("a feed")
    }

    async fn merge(&self, feeds: Vec<Feed>) -> Result<Vec<String>, String> {
        self.0.merge(feeds).await.map_err(|error| error.to_string())
    }

    async fn sources(&self, feeds: u32, lines: u32) -> Sources {
        self.0.sources(feeds, lines).await.expect("sources")
    }

    async fn count(&self, to: u64, sink: Sink) -> u64 {
        self.0.count(to, sink).await.expect("a number")
    }
}

#[tokio::test]
async fn halves_may_be_passed_on_to_another_peer() {
    for (link, behind, ..) in clients().await {
        let relay = PeerBuilder::new().service(FeedsServer::new(Relay(behind)));
        let (near, far) = connected(link, &PeerBuilder::new(), &relay).await;
        let client = FeedsClient::new(&near);
        let feed = client.open("log", 100).await.expect("a feed");
        assert_eq!(read_all(feed.lines).await.len(), 100, "{link:?}");
        let feeds = (0..3)
            .map(|number| self::feed(format!("{number}"), 50))
            .collect();
        assert_eq!(client.merge(feeds).await.expect("lines").len(), 150);
        let sources = client.sources(4, 10).await.expect("sources");
        for feed in read_all(sources.feeds).await {
            assert_eq!(read_all(feed.lines).await.len(), 10);
        }
        let (numbers, receiver) = channel();
        assert_eq!(
            client
                .count(1000, Sink { numbers })
                .await
                .expect("a number"),
            1000
        );
        assert!(read_all(receiver).await.into_iter().eq(0..1000), "{link:?}");
        drop(client);
        for peer in [&near, &far] {
            idle(peer).await;
        }
    }
}

/// Uses its peer when it is dropped.
struct Looks(chirp::Peer);

impl Drop for Looks {
    fn drop(&mut self) {
        let _ = self.0.stats();
    }
}

#[tokio::test]
async fn an_unsendable_half_is_dropped_outside_of_the_lock() {
    let limits = {
        let mut limits = chirp::Limits::default();
        limits.max_streams = 0;
        limits
    };
    let server = PeerBuilder::new().service(FeedsServer::new(Files));
    let (near, _far) = connected(Link::Memory, &PeerBuilder::new().limits(limits), &server).await;
    let looks = Looks(near.clone());
    let lines = tokio_stream::iter(0..3).map(move |line| {
        let _kept = &looks;
        line.to_string()
    });
    let feed = Feed {
        name: "never sent".to_owned(),
        lines: chirp::IntoReceiver::into_receiver(lines),
    };
    let refused = FeedsClient::new(&near).merge(vec![feed]).await;
    refused.expect_err("this side takes no streams");
}
