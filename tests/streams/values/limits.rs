//! Values that no codec can carry are refused by the sender, before the other side runs anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chirp::stream::channel;
use chirp::{PeerBuilder, Receiver};
use serde::{Deserialize, Serialize};
use tokio_stream::{Stream, StreamExt};

use crate::support::pair;

/// A linked list, as some parsers produce.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Node {
    next: Option<Box<Node>>,
}

impl Node {
    fn of(count: u32) -> Self {
        (1..count).fold(Self::default(), |node, _| Self {
            next: Some(Box::new(node)),
        })
    }

    fn len(&self) -> u32 {
        let mut len = 1;
        let mut node = self;
        while let Some(next) = &node.next {
            node = next;
            len += 1;
        }
        len
    }
}

/// Drops the nodes in a loop: recursion would need a stack as deep as the list.
impl Drop for Node {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<[bool; 1]>,
}

impl Report {
    const WHOLE: Self = Self {
        first: Some(1),
        second: Some([false]),
    };
    const SKIPPING: Self = Self {
        first: None,
        second: Some([false]),
    };

    fn of(whole: bool) -> Self {
        if whole { Self::WHOLE } else { Self::SKIPPING }
    }
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum ReportError {
    #[error("it failed")]
    #[chirp(code = 3)]
    Failed(Report),
}

const TOO_DEEP: &str = "a value is nested more than 128 deep";
const NO_BYTES: &str = "a value has more than 65536 elements without bytes";

/// The same service in every codec.
macro_rules! services {
    ($($name:ident $codec:ident $positional:literal)*) => {$(
        mod $name {
            use super::*;

            #[chirp::service(codec = chirp::codec::$codec)]
            trait Lists {
                async fn take(&self, list: Node) -> u32;
                async fn give(&self, count: u32) -> Node;
                async fn items(&self, counts: Vec<u32>) -> impl Stream<Item = Node>;
                async fn sum(&self, lists: Receiver<Node>) -> u32;
                async fn count(&self, units: Vec<()>) -> usize;
                async fn units(&self, count: usize) -> Vec<()>;
                async fn report(&self, report: Report) -> Option<u8>;
                async fn reported(&self, whole: bool) -> Report;
                async fn failed(&self, whole: bool) -> Result<(), ReportError>;
            }

            /// Counts its calls.
            struct Server(Arc<AtomicU32>);

            impl Lists for Server {
                async fn take(&self, list: Node) -> u32 {
                    self.0.fetch_add(1, Ordering::Relaxed);
                    list.len()
                }
                async fn give(&self, count: u32) -> Node {
                    Node::of(count)
                }
                async fn items(&self, counts: Vec<u32>) -> impl Stream<Item = Node> {
                    tokio_stream::iter(counts).map(Node::of)
                }
                async fn sum(&self, mut lists: Receiver<Node>) -> u32 {
                    let mut sum = 0;
                    while let Some(Ok(list)) = lists.next().await {
                        sum += list.len();
                    }
                    sum
                }
                async fn count(&self, units: Vec<()>) -> usize {
                    self.0.fetch_add(1, Ordering::Relaxed);
                    units.len()
                }
                async fn units(&self, count: usize) -> Vec<()> {
                    vec![(); count]
                }
                async fn report(&self, report: Report) -> Option<u8> {
                    self.0.fetch_add(1, Ordering::Relaxed);
                    report.first
                }
                async fn reported(&self, whole: bool) -> Report {
                    Report::of(whole)
                }
                async fn failed(&self, whole: bool) -> Result<(), ReportError> {
                    Err(ReportError::Failed(Report::of(whole)))
                }
            }

            fn start() -> (chirp::Peer, chirp::Peer, ListsClient, Arc<AtomicU32>) {
                let ran = Arc::new(AtomicU32::new(0));
                let server = Server(Arc::clone(&ran));
                let (near, far) = pair(
                    &PeerBuilder::new(),
                    &PeerBuilder::new().service(ListsServer::new(server)),
                );
                let client = ListsClient::new(&near);
                (near, far, client, ran)
            }

            #[tokio::test]
            async fn a_list_too_deep_is_refused_where_it_is_sent() {
                let (_near, _far, client, ran) = start();
                assert_eq!(client.take(Node::of(64)).await.unwrap(), 64);
                assert_eq!(ran.load(Ordering::Relaxed), 1);
                assert_eq!(client.give(64).await.unwrap().len(), 64);
                for count in [65, 20_000] {
                    let error = client.take(Node::of(count)).await.unwrap_err().to_string();
                    let start = format!("the arguments could not be encoded: {TOO_DEEP}");
                    assert!(error.starts_with(&start), "{error}");
                    let error = client.give(count).await.unwrap_err().to_string();
                    let start = format!("\"Lists.give\": the result could not be encoded: {TOO_DEEP}");
                    assert!(error.starts_with(&start), "{error}");
                }
                assert_eq!(ran.load(Ordering::Relaxed), 1, "calls that were refused");
                assert_eq!(client.take(Node::of(1)).await.unwrap(), 1);
            }

            #[tokio::test]
            async fn an_item_too_deep_is_refused_where_it_is_sent() {
                let (_near, _far, client, _) = start();
                let mut items = client.items(vec![64]).await.unwrap();
                assert_eq!(items.next().await.unwrap().unwrap().len(), 64);
                let items = client.items(vec![64, 20_000]).await.unwrap();
                let error = items.filter_map(Result::err).next().await.unwrap().to_string();
                assert!(error.contains(TOO_DEEP), "{error}");
                let (mut sender, lists) = channel();
                let (sum, ()) = tokio::join!(client.sum(lists), async move {
                    sender.send(Node::of(64)).await.unwrap();
                    // The error may appear in a later call, if this one only queues the item.
                    while sender.send(Node::of(20_000)).await.is_ok() {}
                });
                let sum = sum.unwrap();
                assert!(sum <= 64, "{sum} nodes arrived");
            }

            #[tokio::test]
            async fn too_many_elements_without_bytes_are_refused_where_they_are_sent() {
                let (_near, _far, client, ran) = start();
                assert_eq!(client.count(vec![(); 65_536]).await.unwrap(), 65_536);
                assert_eq!(client.units(65_536).await.unwrap().len(), 65_536);
                let (count, units) = (client.count(vec![(); 65_537]).await, client.units(65_537).await);
                if !$positional {
                    assert_eq!((count.unwrap(), units.unwrap().len()), (65_537, 65_537));
                    return;
                }
                assert_eq!(
                    count.unwrap_err().to_string(),
                    format!("the arguments could not be encoded: {NO_BYTES}")
                );
                assert_eq!(
                    units.unwrap_err().to_string(),
                    format!("\"Lists.units\": the result could not be encoded: {NO_BYTES}")
                );
                assert_eq!(ran.load(Ordering::Relaxed), 1);
            }

            #[tokio::test]
            async fn a_skipped_field_is_refused_where_it_is_sent() {
                let (_near, _far, client, ran) = start();
                assert_eq!(client.report(Report::WHOLE).await.unwrap(), Some(1));
                assert_eq!(client.reported(true).await.unwrap().first, Some(1));
                let report = client.report(Report::SKIPPING).await;
                let reported = client.reported(false).await;
                if !$positional {
                    assert_eq!(report.unwrap(), None);
                    assert_eq!(reported.unwrap().second, Some([false]));
                    return;
                }
                let (report, reported) = (report.unwrap_err(), reported.unwrap_err());
                assert!(report.to_string().contains("field `first` of `Report` is skipped"));
                assert!(reported.to_string().contains("field `first` of `Report` is skipped"));
                assert_eq!(ran.load(Ordering::Relaxed), 1);
                // An error keeps its text and its code.
                let error = client.failed(false).await.unwrap_err();
                assert!(error.to_string().contains("it failed"), "{error}");
                assert!(!matches!(error, chirp::MethodError::Handler(_)));
                let error = client.failed(true).await.unwrap_err();
                assert!(matches!(error, chirp::MethodError::Handler(_)));
            }
        }
    )*};
}

services! {
    bincode Bincode true
    postcard Postcard true
    messagepack MessagePack false
    json Json false
}
