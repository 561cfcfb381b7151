//! Stream halves in unusual places: nested, twice, outside of calls, in values that cannot be encoded.

use chirp::stream::channel;
use chirp::{CallError, Limits, PeerBuilder, Receiver, Sender, StreamError};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::support::{idle, pair};

/// Cannot be encoded.
#[derive(Debug, Deserialize)]
struct Never;

impl Serialize for Never {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("never"))
    }
}

async fn is_let_go(mut sender: Sender<u64>) {
    let error = sender.closed().await;
    assert!(matches!(error, StreamError::Cancelled), "{error:?}");
}

async fn is_broken_off(mut receiver: Receiver<u64>) {
    let end = receiver.recv().await.expect("an end");
    assert!(matches!(end, Err(StreamError::Cancelled)), "{end:?}");
}

/// Runs a test with each codec that carries streams, over a connection and locally.
macro_rules! through {
    ($($codec:ident $name:ident)*) => {$(
        mod $name {
            use super::*;

            #[derive(Debug, Serialize, Deserialize)]
            struct Frames {
                number: u8,
                frames: Receiver<u64>,
            }

            #[derive(Debug, Serialize, Deserialize)]
            struct Sources {
                name: String,
                sources: Receiver<Frames>,
            }

            #[derive(Debug, Serialize, Deserialize)]
            struct Sites {
                sites: Vec<Receiver<Sources>>,
                echo: Option<Sender<u64>>,
            }

            #[chirp::service(codec = chirp::codec::$codec)]
            trait Odd {
                async fn deep(&self, wide: u8, echo: Option<Sender<u64>>) -> Sites;
                async fn three(&self, one: Option<Receiver<u64>>, two: Option<Sender<u64>>, three: (Option<Never>, Option<Receiver<u64>>));
                async fn many(&self, receivers: Vec<Receiver<u64>>) -> Vec<String>;
            }

            struct Server;

            fn finished<T: chirp::codec::Item>(items: Vec<T>) -> Receiver<T> {
                let (mut sender, receiver) = channel();
                tokio::spawn(async move {
                    for item in items {
                        if sender.send(item).await.is_err() { return; }
                    }
                    sender.finish();
                });
                receiver
            }

            impl Odd for Server {
                async fn deep(&self, wide: u8, echo: Option<Sender<u64>>) -> Sites {
                    if let Some(mut echo) = echo {
                        echo.send(9).await.expect("taken");
                        echo.finish();
                    }
                    let frames = |number| Frames {
                        number,
                        frames: finished((0..u64::from(number)).collect()),
                    };
                    let sources = |site: u8| Sources {
                        name: format!("site {site}"),
                        sources: finished((0..wide).map(frames).collect()),
                    };
                    let sites = (0..wide).map(|site| finished(vec![sources(site)]));
                    Sites { sites: sites.collect(), echo: None }
                }

                async fn three(&self, _: Option<Receiver<u64>>, _: Option<Sender<u64>>, _: (Option<Never>, Option<Receiver<u64>>)) {}

                async fn many(&self, receivers: Vec<Receiver<u64>>) -> Vec<String> {
                    let mut ends = Vec::new();
                    for mut receiver in receivers {
                        let mut items = 0;
                        ends.push(loop {
                            match receiver.recv().await {
                                Some(Ok(_)) => items += 1,
                                Some(Err(error)) => break error.to_string(),
                                None => break items.to_string(),
                            }
                        });
                    }
                    ends
                }
            }

            async fn attack(client: &OddClient) {
                let (echo, mut echoed) = channel();
                let Sites { sites, .. } = client.deep(3, Some(echo)).await.expect("sites");
                assert_eq!(echoed.recv().await.expect("an item").expect("whole"), 9);
                let mut count = 0;
                for (number, mut site) in sites.into_iter().enumerate() {
                    while let Some(sources) = site.recv().await {
                        let Sources { name, mut sources } = sources.expect("whole");
                        assert_eq!(name, format!("site {number}"));
                        while let Some(frames) = sources.recv().await {
                            let Frames { number, mut frames } = frames.expect("whole");
                            for frame in 0..u64::from(number) {
                                assert_eq!(frames.recv().await.expect("an item").expect("whole"), frame);
                                count += 1;
                            }
                            assert!(frames.recv().await.is_none());
                        }
                    }
                }
                assert_eq!(count, 9);

                // Encoding fails before the third half: the halves before it close.
                let (mine, one) = channel();
                let (two, other) = channel();
                let (third, three) = channel();
                let error = client.three(Some(one), Some(two), (Some(Never), Some(three))).await;
                let error = error.expect_err("it cannot be encoded");
                assert!(matches!(error, CallError::Encode(_)), "{error:?}");
                is_let_go(mine).await;
                is_broken_off(other).await;
                is_let_go(third).await;

                // One stream is finished, and one has lost its sender.
                let (gone, was) = channel::<u64>();
                drop(gone);
                let ends = client.many(vec![finished(vec![1, 2, 3]), was]).await.expect("ends");
                assert_eq!(ends, ["3", "the stream was cancelled"]);
            }

            #[tokio::test]
            async fn over_a_connection() {
                let builder = PeerBuilder::new().service(OddServer::new(Server));
                let (peer, other) = pair(&PeerBuilder::new(), &builder);
                attack(&OddClient::new(&peer)).await;
                for peer in [&peer, &other] { idle(peer).await; }
            }

            #[tokio::test]
            async fn in_this_process() {
                attack(&OddClient::local(Server)).await;
            }
        }
    )*};
}

through!(Bincode bincode);
#[cfg(feature = "postcard")]
through!(Postcard postcard);
#[cfg(feature = "messagepack")]
through!(MessagePack messagepack);
#[cfg(feature = "json")]
through!(Json json);

/// Streams can be encoded only in calls, results and items.
#[test]
fn halves_are_refused_outside_of_calls() {
    let (sender, receiver) = channel::<u64>();
    for error in [
        serde_json::to_string(&sender).expect_err("no call"),
        serde_json::to_string(&receiver).expect_err("no call"),
    ] {
        assert!(error.to_string().contains("only in a call"), "{error}");
    }
    serde_json::from_str::<Receiver<u64>>("0").expect_err("no stream");
    // The halves were not sent.
    let (mut sender, mut receiver) = (sender, receiver);
    sender.try_send(1).expect("room");
    assert_eq!(receiver.try_recv().expect("an item").expect("whole"), 1);
}

#[chirp::service]
trait Loads {
    async fn load(&self, items: Option<Receiver<Vec<u8>>>) -> Result<u64, String>;
    async fn word(&self, word: &str) -> String;
}

struct Loader;

impl Loads for Loader {
    async fn load(&self, items: Option<Receiver<Vec<u8>>>) -> Result<u64, String> {
        let mut items = items.ok_or("none")?;
        let mut bytes = 0;
        while let Some(item) = items.recv().await {
            bytes += item.map_err(|error| error.to_string())?.len() as u64;
        }
        Ok(bytes)
    }

    async fn word(&self, word: &str) -> String {
        word.to_owned()
    }
}

/// Items of exactly the other side's limit, many small ones, and one that is a byte too large.
#[tokio::test]
async fn items_respect_a_small_payload_limit() {
    let mut limits = Limits::default();
    limits.max_payload = 1 << 10;
    let builder = PeerBuilder::new()
        .limits(limits)
        .service(LoadsServer::new(Loader));
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    let client = LoadsClient::new(&peer);
    // The limit, less 10 bytes of the packet and 3 that say how long the vector is.
    let most = (1 << 10) - 10 - 3;
    for (len, count) in [
        (most, 50),
        (1, 10_000),
        (0, 10_000),
        (most - 1, 1),
        (400, 500),
    ] {
        let (mut sender, items) = channel();
        let call = client.load(Some(items)).start();
        for _ in 0..count {
            sender.send(vec![1; len]).await.expect("taken");
        }
        sender.finish();
        assert_eq!(call.await.expect("loaded"), (len * count) as u64);
    }
    let (mut sender, items) = channel();
    let call = client.load(Some(items)).start();
    sender.send(vec![1; 3]).await.expect("room");
    sender.send(vec![1; most + 1]).await.expect("room");
    let error = sender.closed().await;
    let StreamError::TooLarge { limit, whose } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((*limit, *whose), (1014, chirp::LimitOwner::OtherSide));
    let error = call.await.expect_err("one is too large");
    assert!(error.to_string().contains("limit"), "{error}");
    assert_eq!(client.word("x").await.expect("a word"), "x");
    for peer in [&peer, &other] {
        idle(peer).await;
    }
}

/// An item of three windows, between small ones.
#[tokio::test]
async fn items_larger_than_every_window_arrive() {
    let builder = PeerBuilder::new().service(LoadsServer::new(Loader));
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    let client = LoadsClient::new(&peer);
    let (mut sender, items) = channel();
    let call = client.load(Some(items)).start();
    for len in [1, 48 << 10, 3 << 20, 1, 3 << 20, 0] {
        sender.send(vec![1; len]).await.expect("taken");
    }
    sender.finish();
    assert_eq!(call.await.expect("loaded"), 2 + (48 << 10) + (6 << 20));
    for peer in [&peer, &other] {
        idle(peer).await;
    }
}
