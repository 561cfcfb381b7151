//! Clients that speak JSON (`with_json`), for services of every codec, with peers that know nothing of that codec.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    CallError, ClientLayer, ClientNext, ItemError, MethodError, OutgoingCall, Peer, PeerBuilder,
    Receiver, Request, RetryPolicy, Router, Service,
};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

use crate::support::pair;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: BTreeMap<String, u32>,
    note: Option<String>,
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum OrderError {
    #[error("no order {id}")]
    #[chirp(code = 404)]
    Missing { id: u64, hint: Option<String> },
    #[error("odd")]
    #[chirp(code = 1)]
    Odd(u64),
    #[error(transparent)]
    #[chirp(other)]
    Other(ErrorData),
}

/// The same service, in one codec.
macro_rules! shop {
    ($module:ident, $codec:ident $(, $named:ident)?) => {
        mod $module {
            use super::*;

            #[chirp::service(name = "Shop", codec = chirp::codec::$codec $(, $named)?)]
            pub(super) trait Shop {
                fn sum(&self, a: i64, b: i64) -> i64;
                #[chirp(alias = "words")]
                fn text(&self, text: &str, data: &[u8], ids: &[u64], key: Option<&str>) -> String;
                fn blob(&self, first: Bytes, last: Vec<u8>) -> Bytes;
                fn nothing(&self);
                #[chirp(idempotent, deadline = "30s")]
                fn find(&self, order: &Order) -> Result<Order, OrderError>;
                #[chirp(oneway)]
                fn note(&self, text: String);
                fn count(&self, to: u64) -> impl Stream<Item = u64>;
                fn even(&self, to: u64) -> Result<impl Stream<Item = Result<u64, OrderError>>, OrderError>;
                async fn total(&self, factor: u64, numbers: Receiver<u64>) -> u64;
                async fn wait(&self);
            }

            impl Shop for Till {
                fn sum(&self, a: i64, b: i64) -> i64 {
                    a + b
                }

                fn text(&self, text: &str, data: &[u8], ids: &[u64], key: Option<&str>) -> String {
                    format!("{text} {data:?} {ids:?} {key:?}")
                }

                fn blob(&self, first: Bytes, last: Vec<u8>) -> Bytes {
                    [&first[..], &last].concat().into()
                }

                fn nothing(&self) {}

                fn find(&self, order: &Order) -> Result<Order, OrderError> {
                    match order.id {
                        0 => Err(OrderError::Missing { id: 0, hint: None }),
                        1 => Err(OrderError::Other(ErrorData::new(7, "seven"))),
                        _ => Ok(order.clone()),
                    }
                }

                fn note(&self, text: String) {
                    let _ = self.notes.send(text);
                }

                fn count(&self, to: u64) -> impl Stream<Item = u64> {
                    tokio_stream::iter(0..to)
                }

                fn even(&self, to: u64) -> Result<impl Stream<Item = Result<u64, OrderError>>, OrderError> {
                    if to == 0 {
                        return Err(OrderError::Missing { id: to, hint: Some("more".to_owned()) });
                    }
                    Ok(tokio_stream::iter(0..to).map(|number| match number {
                        3 => Err(OrderError::Odd(3)),
                        number => Ok(number),
                    }))
                }

                async fn total(&self, factor: u64, mut numbers: Receiver<u64>) -> u64 {
                    let mut total = 0;
                    while let Some(Ok(number)) = numbers.recv().await {
                        total += number * factor;
                    }
                    total
                }

                async fn wait(&self) {
                    let _end = Waiting(self.notes.clone());
                    let _ = self.notes.send("waiting".to_owned());
                    std::future::pending::<()>().await;
                }
            }

            pub(super) fn client(caller: &impl chirp::AsCaller) -> ShopClient {
                ShopClient::new(caller).with_json()
            }
        }
    };
}

shop!(bincode, Bincode);
shop!(postcard, Postcard, named);
shop!(messagepack, MessagePack);
shop!(json, Json, named);

struct Till {
    notes: mpsc::UnboundedSender<String>,
}

/// Notes the end of a handler.
struct Waiting(mpsc::UnboundedSender<String>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.send("cancelled".to_owned());
    }
}

/// A peer that serves only JSON, as a peer in another language does.
fn json_peer() -> (PeerBuilder, mpsc::UnboundedReceiver<String>) {
    let (notes, messages) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new().routes(|router| {
        json::ShopServer::new(Till { notes }).register(router)?;
        for method in json::ShopMethods::ALL {
            assert!(router.alias(format!("{method};json"), method.name()));
            router.remove(method.name());
        }
        Ok(())
    });
    (builder, messages)
}

fn order(id: u64) -> Order {
    Order {
        id,
        lines: [("tea".to_owned(), 2)].into(),
        note: None,
    }
}

macro_rules! every_codec {
    ($($codec:ident)*) => {$(
        #[tokio::test]
        async fn $codec() {
            let (builder, noted) = json_peer();
            let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
            $codec::every_method(super::$codec::client(&peer), noted).await;
        }

        mod $codec {
            use super::*;
            use super::super::$codec::*;

            /// A peer of the same codec is called in JSON, too.
            #[cfg(feature = "reflect")]
            #[tokio::test]
            async fn reflecting() {
                let (notes, noted) = mpsc::unbounded_channel();
                let builder = PeerBuilder::new().reflect().service(ShopServer::new(Till { notes }));
                let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
                every_method(client(&peer), noted).await;
            }

            #[cfg(feature = "reflect")]
            #[tokio::test]
            async fn in_this_process() {
                let (notes, noted) = mpsc::unbounded_channel();
                every_method(ShopClient::local(Till { notes }).with_json(), noted).await;
            }

            pub(super) async fn every_method(
                client: ShopClient,
                mut noted: mpsc::UnboundedReceiver<String>,
            ) {
            assert_eq!(client.sum(i64::MAX, -1).await, Ok(i64::MAX - 1));
            let text = client.text("a \"b\"", &[1, 2], &[3, 4], Some("k")).await;
            assert_eq!(text.as_deref(), Ok("a \"b\" [1, 2] [3, 4] Some(\"k\")"));
            let (first, last) = (vec![7; 100_000], vec![8; 100_000]);
            let both = client.blob(first.clone().into(), last.clone()).await.unwrap();
            assert!(both == [first, last].concat());
            assert_eq!(client.nothing().await, Ok(()));

            assert_eq!(client.find(&order(2)).await, Ok(order(2)));
            assert_eq!(
                client.find(&order(0)).await,
                Err(MethodError::Handler(OrderError::Missing { id: 0, hint: None }))
            );
            assert_eq!(
                client.find(&order(1)).await,
                Err(MethodError::Handler(OrderError::Other(ErrorData::new(7, "seven"))))
            );
            client.note("noted".to_owned()).await.unwrap();
            assert_eq!(noted.recv().await.as_deref(), Some("noted"));

            let numbers = client.count(1000).await.unwrap();
            let numbers: Result<Vec<_>, _> = numbers.collect().await;
            assert_eq!(numbers.unwrap(), (0..1000).collect::<Vec<_>>());
            let Err(MethodError::Handler(error)) = client.even(0).await else {
                panic!("no error");
            };
            let hint = Some("more".to_owned());
            assert_eq!(error, OrderError::Missing { id: 0, hint });
            let mut even = client.even(5).await.unwrap();
            for number in 0..3 {
                assert_eq!(even.recv().await, Some(Ok(number)));
            }
            let error = ItemError::Handler(OrderError::Odd(3));
            assert_eq!(even.recv().await, Some(Err(error)));
            assert_eq!(even.recv().await, None);
            let total = client.total(2, tokio_stream::iter(0..1000)).await;
            assert_eq!(total, Ok(999_000));

            let waiting = client.wait().start();
            assert_eq!(noted.recv().await.as_deref(), Some("waiting"));
            drop(waiting);
            assert_eq!(noted.recv().await.as_deref(), Some("cancelled"));
            }
        }
    )*};
}

mod calls {
    use super::*;

    every_codec! { bincode postcard messagepack json }
}

/// A service of bytes: they are text in JSON.
#[chirp::service(codec = chirp::codec::Raw)]
trait Bytewise {
    fn upper(&self, text: &str) -> String;
    fn reverse(&self, data: Vec<u8>) -> Bytes;
    fn done(&self);
}

/// Answers with the parameters, and sends them to the test.
fn parameters(answer: &'static str) -> (Router, mpsc::UnboundedReceiver<String>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let mut router = Router::default();
    router.fallback(move |request: Request| {
        let (method, params) = (request.method(), request.params());
        let texts = [method, params].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let _ = sender.send(texts.join(" "));
        std::future::ready(Ok::<_, ErrorData>(answer))
    });
    (router, seen)
}

#[tokio::test]
async fn arguments_are_sent_by_name() {
    let (router, mut seen) = parameters(" 7 ");
    let caller = chirp::Caller::local(router);
    let client = bincode::client(&caller);
    assert_eq!(client.sum(1, -2).await, Ok(7));
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Shop.sum;json {"a":1,"b":-2}"#
    );
    let renamed = client.clone().named("Kiosk");
    assert_eq!(renamed.sum(1, -2).await, Ok(7));
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Kiosk.sum;json {"a":1,"b":-2}"#
    );
    let prefixed = client.clone().prefixed("k-");
    assert_eq!(prefixed.sum(1, -2).await, Ok(7));
    assert_eq!(seen.recv().await.unwrap(), r#"k-sum;json {"a":1,"b":-2}"#);
    client.text("t", &[255, 0], &[], None).await.unwrap_err();
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Shop.text;json {"text":"t","data":"/wA=","ids":[],"key":null}"#
    );
    client.nothing().await.unwrap_err();
    assert_eq!(seen.recv().await.unwrap(), "Shop.nothing;json []");
    let error = client.find(&order(9)).await.unwrap_err();
    assert!(
        matches!(error, MethodError::Call(CallError::Decode(_))),
        "{error}"
    );
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Shop.find;json {"order":{"id":9,"lines":{"tea":2},"note":null}}"#
    );
}

#[tokio::test]
async fn bytes_are_base64() {
    let (router, mut seen) = parameters(r#""AQID""#);
    let client = BytewiseClient::new(&chirp::Caller::local(router)).with_json();
    assert_eq!(client.upper("ä").await.as_deref(), Ok("AQID"));
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Bytewise.upper;json {"text":"ä"}"#
    );
    assert_eq!(client.reverse(vec![3, 2, 1]).await.unwrap(), [1, 2, 3][..]);
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Bytewise.reverse;json {"data":"AwIB"}"#
    );
    let (router, _seen) = parameters("null");
    let client = BytewiseClient::new(&chirp::Caller::local(router)).with_json();
    assert_eq!(client.done().await, Ok(()));
}

/// Framework errors and values that are not the method's are as in other calls.
#[tokio::test]
async fn a_peer_without_json_does_not_know_the_method() {
    let (notes, _noted) = mpsc::unbounded_channel();
    let serves = PeerBuilder::new().service(bincode::ShopServer::new(Till { notes }));
    let (peer, _serving) = pair(&PeerBuilder::new(), &serves);
    let error = bincode::client(&peer).sum(1, 2).await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error}");
    assert!(error.to_string().contains("Shop.sum;json"), "{error}");
    // What is asked about methods is asked by their own names.
    let same = bincode::client(&peer).check_compatibility().await;
    assert_eq!(same, Ok(chirp::Compatibility::Same));
}

#[tokio::test]
async fn values_that_json_cannot_hold_fail_before_anything_is_sent() {
    #[chirp::service]
    trait Numbers {
        fn half(&self, number: f64) -> f64;
    }
    struct Half;
    impl Numbers for Half {
        fn half(&self, number: f64) -> f64 {
            number / 2.0
        }
    }
    let native = NumbersClient::local(Half);
    assert_eq!(native.half(f64::INFINITY).await, Ok(f64::INFINITY));
    let (router, mut seen) = parameters("1.5");
    let client = NumbersClient::new(&chirp::Caller::local(router)).with_json();
    let error = client.half(f64::INFINITY).await.unwrap_err();
    assert!(matches!(error, CallError::Encode(_)), "{error}");
    assert_eq!(client.half(3.0).await, Ok(1.5));
    assert_eq!(
        seen.recv().await.unwrap(),
        r#"Numbers.half;json {"number":3.0}"#
    );
    assert!(seen.try_recv().is_err());
}

/// A layer that fails every second call, and the number of calls.
fn flaky() -> (impl ClientLayer, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&calls);
    let layer = move |call: OutgoingCall, next: ClientNext| {
        let fails = seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        async move {
            assert!(call.method().as_bytes().ends_with(b";json"));
            if fails {
                return Err(CallError::Remote(ErrorData::new(9, "flaky")));
            }
            next.run(call).await
        }
    };
    (layer, calls)
}

#[tokio::test]
async fn layers_and_timeouts_apply() {
    let (builder, mut noted) = json_peer();
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    let client = bincode::client(&peer).with_timeout(Duration::from_mins(1));
    let (layer, calls) = flaky();
    let layered = client.clone().with_layer(layer);
    layered.sum(1, 2).await.unwrap_err();
    assert_eq!(layered.sum(1, 2).await, Ok(3));
    layered.count(3).await.unwrap_err();
    let numbers = layered.count(3).await.unwrap();
    let numbers: Result<Vec<_>, _> = numbers.collect().await;
    assert_eq!(numbers.unwrap(), [0, 1, 2]);
    assert_eq!(calls.load(Ordering::Relaxed), 4);

    let timed = client.wait().timeout(Duration::from_millis(20)).await;
    assert!(
        matches!(timed, Err(CallError::DeadlineExceeded { .. })),
        "{timed:?}"
    );
    assert_eq!(noted.recv().await.as_deref(), Some("waiting"));
    assert_eq!(noted.recv().await.as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn calls_of_groups_are_in_json() {
    let mut peers: Vec<(&str, Peer)> = Vec::new();
    let mut serving = Vec::new();
    for name in ["alpha", "beta"] {
        let (builder, noted) = json_peer();
        let (peer, other) = pair(&PeerBuilder::new(), &builder);
        peers.push((name, peer));
        serving.push((other, noted));
    }
    let client = postcard::ShopClient::unbound().with_json();
    let answers = client.sum(20, 22).gather(peers.clone()).await;
    assert_eq!(answers.len(), 2);
    assert!(
        answers.iter().all(|answer| answer.result == Ok(42)),
        "{answers:?}"
    );
    assert_eq!(client.sum(1, 2).await, Err(CallError::Unbound));
}

/// A call that was refused is sent again with the same parameters.
#[tokio::test]
async fn calls_are_sent_again() {
    let attempts = AtomicU32::new(0);
    let serves = PeerBuilder::new().handle("Shop.find;json", move |request: Request| {
        let first = attempts.fetch_add(1, Ordering::Relaxed) == 0;
        let order = Bytes::copy_from_slice(&request.params()[br#"{"order":"#.len()..]);
        std::future::ready(if first {
            Err(FrameworkError::Overloaded.to_error_data("later"))
        } else {
            Ok(order.slice(..order.len() - 1))
        })
    });
    let (peer, _serving) = pair(&PeerBuilder::new(), &serves);
    let client = bincode::client(&peer).with_retry(&RetryPolicy::new());
    assert_eq!(client.find(&order(3)).await, Ok(order(3)));
}

/// A handler calls back in JSON.
#[tokio::test]
async fn callbacks_are_in_json() {
    let (builder, _noted) = json_peer();
    let host = PeerBuilder::new().handle("start", async |request: Request| {
        let sum = bincode::client(request.context().caller()).sum(1, 2).await;
        sum.map(|sum| sum.to_string())
            .map_err(|error| ErrorData::new(0, error.to_string()))
    });
    let (peer, _host) = pair(&builder, &host);
    assert_eq!(peer.call("start", ()).await.unwrap(), "3");
}
