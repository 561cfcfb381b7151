//! `Serialize` and `Deserialize` of values and of stream items.

use chirp::packet::ErrorData;
use chirp::{CallError, Peer, PeerBuilder, Receiver, ServiceError};
use serde::{Deserialize, Serialize};

use super::{calling, has_panicked, is_alive, soon};

/// A value that panics at a given point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bomb {
    on_write: bool,
    on_read: bool,
}

const ON_WRITE: Bomb = Bomb {
    on_write: true,
    on_read: false,
};
const ON_READ: Bomb = Bomb {
    on_write: false,
    on_read: true,
};

impl Serialize for Bomb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!self.on_write, "on write");
        serializer.serialize_bool(self.on_read)
    }
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        assert!(!bool::deserialize(deserializer)?, "on read");
        Ok(Self::default())
    }
}

#[derive(Debug)]
pub(super) struct Trap;

impl std::fmt::Display for Trap {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("on display")
    }
}

impl ServiceError for Trap {
    fn to_error_data(&self, _: chirp::codec::CodecId) -> ErrorData {
        panic!("on its way")
    }

    fn from_error_data(_: &ErrorData, _: chirp::codec::CodecId) -> Option<Self> {
        panic!("on arrival")
    }
}

#[chirp::service]
pub(super) trait Bombs {
    async fn take(&self, bomb: Bomb) -> u64;
    async fn give(&self, on_write: bool) -> Bomb;
    async fn fail(&self, here: bool) -> Result<u64, Trap>;
    async fn collect(&self, bombs: Receiver<Bomb>) -> Result<u64, String>;
    async fn stream(&self, count: u64, on_write: bool) -> impl futures_core::Stream<Item = Bomb>;
}

pub(super) struct Bombing;

impl Bombs for Bombing {
    async fn take(&self, _: Bomb) -> u64 {
        1
    }

    async fn give(&self, on_write: bool) -> Bomb {
        Bomb {
            on_write,
            on_read: !on_write,
        }
    }

    async fn fail(&self, here: bool) -> Result<u64, Trap> {
        if here { Err(Trap) } else { Ok(1) }
    }

    async fn collect(&self, mut bombs: Receiver<Bomb>) -> Result<u64, String> {
        let mut count = 0;
        while let Some(bomb) = bombs.recv().await {
            bomb.map_err(|error| error.to_string())?;
            count += 1;
        }
        Ok(count)
    }

    async fn stream(&self, count: u64, on_write: bool) -> impl futures_core::Stream<Item = Bomb> {
        tokio_stream::iter((0..count).map(move |at| match at {
            0 | 1 => Bomb::default(),
            _ if on_write => ON_WRITE,
            _ => panic!("in the stream"),
        }))
    }
}

fn bombs() -> (BombsClient, Peer, Peer) {
    let (a, b) = calling(PeerBuilder::new().service(BombsServer::new(Bombing)));
    (BombsClient::new(&a), a, b)
}

/// Runs a future that panics, in a task of its own.
async fn panics<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) {
    let ended = soon(tokio::spawn(future)).await;
    assert!(ended.is_err_and(|error| error.is_panic()));
}

#[tokio::test]
async fn codecs_of_handlers() {
    let (client, a, _b) = bombs();
    has_panicked(soon(client.take(ON_READ)).await);
    is_alive(&a).await;
    has_panicked(soon(client.give(true)).await);
    is_alive(&a).await;
    let error = soon(client.fail(true)).await.unwrap_err();
    assert!(matches!(
        error,
        chirp::MethodError::Call(CallError::Rejected { .. })
    ));
    is_alive(&a).await;
}

/// These run in the caller's own task, which panics.
#[tokio::test]
async fn codecs_of_callers() {
    let (client, a, b) = bombs();
    let other = client.clone();
    panics(async move { other.take(ON_WRITE).await }).await;
    is_alive(&a).await;
    let other = client.clone();
    panics(async move { other.give(false).await }).await;
    is_alive(&a).await;
    let call = client.take(Bomb::default()).map_err(|_| ());
    assert_eq!(soon(call).await.unwrap(), 1);
    let call = client
        .give(true)
        .map_err(|_| -> u8 { panic!("in what maps errors") });
    panics(call).await;
    is_alive(&a).await;
    while a.stats().pending + b.stats().running > 0 {
        is_alive(&a).await;
    }
}

#[tokio::test]
async fn streams_as_arguments() {
    let (client, a, _b) = bombs();
    for bomb in [None, Some(ON_WRITE), Some(ON_READ)] {
        let items = (0..3).map(move |at| match (at, bomb) {
            (0 | 1, _) => Bomb::default(),
            (_, Some(bomb)) => bomb,
            _ => panic!("in the stream"),
        });
        let answer = soon(client.collect(tokio_stream::iter(items))).await;
        assert!(answer.is_err(), "{answer:?}");
        is_alive(&a).await;
    }
    // A local stream passes its items without encoding them.
    let items = (0..3).map(|at| {
        if at < 2 {
            Bomb::default()
        } else {
            panic!("in the stream")
        }
    });
    let local = BombsClient::local(Bombing);
    let answer = soon(local.collect(tokio_stream::iter(items))).await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn streams_as_results() {
    let (client, a, _b) = bombs();
    for on_write in [false, true] {
        // Before anything is sent, the call fails.
        if let Ok(mut bombs) = soon(client.stream(3, on_write)).await {
            let mut good = 0;
            let error = loop {
                match soon(bombs.recv()).await.expect("it fails") {
                    Ok(_) => good += 1,
                    Err(error) => break error,
                }
            };
            assert!(good <= 2, "{error}");
        }
        is_alive(&a).await;
    }
}
