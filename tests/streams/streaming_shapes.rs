//! Streams combined with codecs, options, type parameters, aliases and default bodies.

use std::future::pending;
use std::io;
use std::time::Duration;

use crate::support::pair;
use chirp::packet::FrameworkError;
use chirp::{
    CallError, ItemError, MethodError, Negotiation, Peer, PeerBuilder, Receiver, Service,
    StreamError,
};
use futures_core::Stream;
use tokio_stream::StreamExt as _;

/// A client, and the peer that serves it.
fn served(service: impl Service) -> (Peer, Peer) {
    pair(&PeerBuilder::new(), &PeerBuilder::new().service(service))
}

async fn all<T: chirp::codec::Item, E>(stream: Receiver<T, E>) -> Result<Vec<T>, E> {
    stream.collect().await
}

mod aliases {
    pub(super) type Result<T> = std::result::Result<T, super::Odd>;
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
#[error("{0} is odd")]
#[chirp(code = 3)]
struct Odd(u64);

#[chirp::service(ordered)]
trait Shapes {
    /// Two aliases named `Result`.
    async fn halves(
        &self,
        numbers: Vec<u64>,
    ) -> aliases::Result<impl Stream<Item = aliases::Result<u64>> + Unpin>;
    async fn lines(&self, text: &str) -> io::Result<impl Stream<Item = io::Result<String>>>;
    /// Only an item fails.
    async fn even(&self, numbers: &[u64]) -> impl Stream<Item = aliases::Result<u64>> + Send;
    /// Only the call fails.
    async fn below(&self, to: u64) -> Result<impl Stream<Item = u64>, Odd>;
    #[chirp(deadline = "5s", alias = "waits", idempotent)]
    async fn wait(&self) -> impl Stream<Item = u64>;
    #[chirp(deadline = "5s")]
    async fn listen(&self, numbers: Receiver<u64>) -> u64;
    /// A method with a default body.
    async fn twice(&self, text: &str) -> impl Stream<Item = String> {
        tokio_stream::iter(vec![text.to_owned(); 2])
    }
    async fn checked(&self, to: u64) -> Result<impl Stream<Item = Result<u64, Odd>>, Odd> {
        if to % 2 == 1 {
            Err(Odd(to))?;
        }
        let to = self.limit(to).await;
        Ok(async_stream::stream! {
            for number in 0..to {
                yield Ok(number);
            }
            yield Err(Odd(1));
        })
    }
    fn plain(&self) -> impl Stream<Item = u64> {
        tokio_stream::iter([1, 2, 3])
    }
    async fn sum(&self, numbers: Receiver<u64>) -> u64 {
        let mut numbers = numbers;
        let mut sum = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            sum += number;
        }
        sum
    }
    async fn limit(&self, to: u64) -> u64;
}

struct Shaped;

impl Shapes for Shaped {
    async fn halves(
        &self,
        numbers: Vec<u64>,
    ) -> aliases::Result<impl Stream<Item = aliases::Result<u64>> + Unpin> {
        match numbers.first() {
            None => Err(Odd(0)),
            Some(_) => Ok(tokio_stream::iter(numbers.into_iter().map(
                |number| match number % 2 {
                    0 => Ok(number / 2),
                    _ => Err(Odd(number)),
                },
            ))),
        }
    }

    async fn lines(&self, text: &str) -> io::Result<impl Stream<Item = io::Result<String>>> {
        if text.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(tokio_stream::iter(text.lines()).map(|line| match line {
            "" => Err(io::ErrorKind::InvalidData.into()),
            line => Ok(line.to_owned()),
        }))
    }

    async fn even(&self, numbers: &[u64]) -> impl Stream<Item = aliases::Result<u64>> + Send {
        tokio_stream::iter(numbers).map(|number| match number % 2 {
            0 => Ok(*number),
            _ => Err(Odd(*number)),
        })
    }

    async fn below(&self, to: u64) -> Result<impl Stream<Item = u64>, Odd> {
        match to % 2 {
            0 => Ok(tokio_stream::iter(0..to)),
            _ => Err(Odd(to)),
        }
    }

    async fn wait(&self) -> impl Stream<Item = u64> {
        async_stream::stream! {
            yield 1;
            pending::<()>().await;
        }
    }

    async fn listen(&self, mut numbers: Receiver<u64>) -> u64 {
        while let Some(Ok(_)) = numbers.recv().await {}
        0
    }

    async fn limit(&self, to: u64) -> u64 {
        to.min(4)
    }
}

/// A client, and the peer that serves it.
fn shapes() -> (ShapesClient, Peer) {
    let (peer, other) = served(ShapesServer::new(Shaped));
    (ShapesClient::new(&peer), other)
}

#[tokio::test]
async fn a_result_may_have_another_path() {
    let (client, _other) = shapes();
    let error = client.halves(vec![]).await.expect_err("it is empty");
    assert!(matches!(error, MethodError::Handler(Odd(0))), "{error:?}");
    let mut halves = client.halves(vec![4, 5]).await.expect("begun");
    assert_eq!(halves.recv().await.expect("an item").expect("a half"), 2);
    let error = halves.recv().await.expect("an item").expect_err("odd");
    assert!(matches!(error, ItemError::Handler(Odd(5))), "{error:?}");

    let error = client.lines("").await.expect_err("there is none");
    let MethodError::Handler(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let mut lines = client.lines("a\n\nb").await.expect("begun");
    assert_eq!(lines.recv().await.expect("an item").expect("a line"), "a");
    let error = lines.recv().await.expect("an item").expect_err("no line");
    let ItemError::Handler(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn only_the_call_fails_or_only_an_item() {
    let (client, _other) = shapes();
    let error = all(client.even(&[2, 4, 5]).await.expect("begun")).await;
    assert!(
        matches!(error, Err(ItemError::Handler(Odd(5)))),
        "{error:?}"
    );
    let error = client.below(3).await.expect_err("odd");
    assert!(matches!(error, MethodError::Handler(Odd(3))), "{error:?}");
    let below: Result<Vec<u64>, StreamError> = all(client.below(2).await.expect("begun")).await;
    assert_eq!(below.expect("all"), [0, 1]);
}

#[tokio::test]
async fn a_default_body_may_return_a_stream() {
    let (client, _other) = shapes();
    let twice = all(client.twice("x").await.expect("begun")).await;
    assert_eq!(twice.expect("all"), ["x", "x"]);
    let error = client.checked(7).await.expect_err("odd");
    assert!(matches!(error, MethodError::Handler(Odd(7))), "{error:?}");
    let mut checked = client.checked(100).await.expect("begun");
    for number in 0..4 {
        assert_eq!(
            checked.recv().await.expect("an item").expect("a number"),
            number
        );
    }
    let error = checked.recv().await.expect("an item").expect_err("odd");
    assert!(matches!(error, ItemError::Handler(Odd(1))), "{error:?}");
    let plain = all(client.plain().await.expect("begun")).await;
    assert_eq!(plain.expect("all"), [1, 2, 3]);
    let sum = client.sum(tokio_stream::iter([1, 2, 3])).await;
    assert_eq!(sum.expect("a sum"), 6);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_covers_the_whole_stream() {
    let (client, _other) = shapes();
    let mut numbers = client.wait().await.expect("begun");
    assert_eq!(numbers.recv().await.expect("an item").expect("one"), 1);
    let error = numbers.recv().await.expect("an item").expect_err("late");
    assert!(
        matches!(error, StreamError::Call(CallError::DeadlineExceeded { .. })),
        "{error:?}"
    );
    let error = client.listen(tokio_stream::pending()).await;
    let error = error.expect_err("late");
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error:?}"
    );
    let mut numbers = client
        .wait()
        .timeout(Duration::from_secs(1))
        .await
        .expect("begun");
    assert!(client.wait().is_idempotent());
    numbers.recv().await.expect("an item").expect("one");
    numbers.recv().await.expect("an item").expect_err("late");
}

#[tokio::test]
async fn arriving_items_do_not_extend_a_deadline() {
    let client = ShapesClient::local(Shaped);
    let mut endless = client
        .below(u64::MAX - 1)
        .timeout(Duration::from_millis(20))
        .await
        .expect("begun");
    let error = loop {
        match endless.recv().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it does not end"),
        }
    };
    assert!(
        matches!(error, StreamError::Call(CallError::DeadlineExceeded { .. })),
        "{error:?}"
    );
    assert!(endless.recv().await.is_none());
}

#[tokio::test]
async fn a_streaming_method_refuses_a_call_without_streams() {
    let (peer, _other) = served(ShapesServer::new(Shaped));
    let error = peer.call("Shapes.plain", ()).await.expect_err("refused");
    let CallError::Rejected {
        reason, message, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*reason, FrameworkError::Unsupported);
    assert!(message.contains("stream"), "{message}");
}

mod other {
    use futures_core::Stream;

    /// Methods of the same names with other signatures.
    #[chirp::service]
    pub(crate) trait Shapes {
        async fn twice(&self, text: &[u64]) -> impl Stream<Item = String>;
        async fn limit(&self, to: u64) -> impl Stream<Item = u64>;
        async fn absent(&self) -> impl Stream<Item = u64>;
    }
}

/// A refusal before the method runs is an error of the call, not of its stream.
#[tokio::test]
async fn a_refused_call_has_no_stream() {
    let (peer, _other) = served(ShapesServer::new(Shaped));
    let client = other::ShapesClient::new(&peer);
    let error = client.absent().await.expect_err("it is not there");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
    let error = client.twice(&[1 << 60]).await.expect_err("no text");
    let CallError::Rejected { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*reason, FrameworkError::InvalidArguments);
    let error = client.limit(1).await.expect_err("a number");
    let CallError::Rejected { message, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(message.contains("not a stream"), "{message}");
}

#[tokio::test]
async fn a_peer_that_knows_no_streams_is_not_sent_any() {
    let builder = PeerBuilder::new().service(ShapesServer::new(Shaped));
    let (peer, other) = pair(
        &PeerBuilder::new(),
        &builder.negotiation(Negotiation::Disabled),
    );
    let client = ShapesClient::new(&peer);
    let out = client.plain().await.expect_err("no streams");
    let into = client.sum(tokio_stream::iter([1])).await;
    for error in [out, into.expect_err("no streams")] {
        let CallError::Rejected { reason, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*reason, FrameworkError::Unsupported);
        assert!(!error.may_have_run(), "{error}");
    }
    assert_eq!(client.limit(9).await.expect("answered"), 4);
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn an_ordered_method_lasts_until_its_stream_ends() {
    let (client, _other) = shapes();
    let mut numbers = client.wait().await.expect("begun");
    assert_eq!(numbers.recv().await.expect("an item").expect("one"), 1);
    let mut limit = client.limit(9).start();
    let early = tokio::time::timeout(Duration::from_secs(1), &mut limit).await;
    assert!(early.is_err(), "{early:?}");
    drop(numbers);
    assert_eq!(limit.await.expect("answered"), 4);
}

#[chirp::service]
trait Feed<T>
where
    T: Clone,
{
    async fn items(&self, first: T) -> Result<impl Stream<Item = T>, Odd>;
    async fn fallible(&self, first: T) -> impl Stream<Item = Result<T, Odd>>;
    async fn last(&self, items: Receiver<T>) -> Option<T>;
}

struct Twice;

impl<T: chirp::codec::Item + Clone + Sync> Feed<T> for Twice {
    async fn items(&self, first: T) -> Result<impl Stream<Item = T>, Odd> {
        Ok(tokio_stream::iter([first.clone(), first]))
    }

    async fn fallible(&self, first: T) -> impl Stream<Item = Result<T, Odd>> {
        tokio_stream::iter([Ok(first), Err(Odd(1))])
    }

    async fn last(&self, items: Receiver<T>) -> Option<T> {
        let items = all(items).await.expect("whole");
        items.last().cloned()
    }
}

#[tokio::test]
async fn a_generic_service_may_have_streams() {
    let (peer, _other) = served(FeedServer::<_, String>::new(Twice).named("Texts"));
    let client = FeedClient::<String>::new(&peer).named("Texts");
    let items = all(client.items("x".to_owned()).await.expect("begun")).await;
    assert_eq!(items.expect("all"), ["x", "x"]);
    let items = all(client.fallible("x".to_owned()).await.expect("begun")).await;
    assert!(
        matches!(items, Err(ItemError::Handler(Odd(1)))),
        "{items:?}"
    );
    let items = tokio_stream::iter(["a".to_owned(), "b".to_owned()]);
    let last = client.last(items).await.expect("answered");
    assert_eq!(last.as_deref(), Some("b"));
}

/// A service with streams in every codec that carries them.
macro_rules! through {
    ($($codec:ident)*) => {$(
        #[allow(non_snake_case)]
        mod $codec {
            use super::{all, served};
            use chirp::{ItemError, Receiver, Sender};
            use futures_core::Stream;

            #[chirp::service(codec = chirp::codec::$codec)]
            trait Lines {
                async fn lines(&self, text: &str) -> impl Stream<Item = Result<String, String>>;
                #[chirp(named)]
                async fn join(&self, with: char, lines: Receiver<String>, more: Option<Sender<u64>>) -> Vec<u8>;
            }

            struct Server;

            impl Lines for Server {
                async fn lines(&self, text: &str) -> impl Stream<Item = Result<String, String>> {
                    let mut lines = text.lines();
                    async_stream::stream! {
                        while let Some(line) = lines.next() {
                            yield Ok(line.to_owned());
                        }
                        yield Err("no more".to_owned());
                    }
                }

                async fn join(&self, with: char, lines: Receiver<String>, more: Option<Sender<u64>>) -> Vec<u8> {
                    if let Some(mut more) = more {
                        more.send(7).await.expect("taken");
                        more.finish();
                    }
                    let lines = all(lines).await.expect("whole");
                    lines.join(&with.to_string()).into_bytes()
                }
            }

            #[tokio::test]
            async fn streams_work_in_every_codec() {
                let (peer, _other) = served(LinesServer::new(Server));
                let client = LinesClient::new(&peer);
                let mut lines = client.lines("a\nb").await.expect("begun");
                for line in ["a", "b"] {
                    assert_eq!(lines.recv().await.expect("an item").expect("a line"), line);
                }
                let end = lines.recv().await.expect("an item").expect_err("the end");
                assert!(matches!(&end, ItemError::Handler(text) if text == "no more"), "{end:?}");
                let (sender, more) = chirp::stream::channel();
                let joined = client.join('-', tokio_stream::iter(["x".to_owned(), "y".to_owned()]), Some(sender));
                let (joined, more) = tokio::join!(joined, all(more));
                assert_eq!(joined.expect("answered"), b"x-y");
                assert_eq!(more.expect("all"), [7]);
            }
        }
    )*};
}

through!(Bincode);
#[cfg(feature = "postcard")]
through!(Postcard);
#[cfg(feature = "messagepack")]
through!(MessagePack);
#[cfg(feature = "json")]
through!(Json);
