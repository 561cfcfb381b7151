//! The service that targets call, and the peers that have it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::{Channel, memory};
use chirp::{Peer, PeerBuilder, Receiver};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

/// No promise takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// A value of many types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    number: u32,
    weight: Option<f64>,
    labels: BTreeMap<String, i16>,
    inside: Vec<Parcel>,
    state: ParcelState,
}

/// An enum with every kind of variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ParcelState {
    /// A unit.
    Lost,
    /// A newtype.
    At(String),
    /// A tuple.
    Between(u8, i8),
    /// A struct.
    Delivered {
        /// A character.
        by: char,
    },
}

/// The error of a method.
#[derive(Debug, chirp::ServiceError)]
pub(crate) enum DepotError {
    /// There is no such parcel.
    #[chirp(code = 7)]
    NoParcel {
        /// The number that was looked for.
        number: u16,
    },
}

impl std::fmt::Display for DepotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::NoParcel { number } = self;
        write!(f, "no parcel {number}")
    }
}

impl std::error::Error for DepotError {}

/// The methods that can be called.
#[chirp::service]
pub(crate) trait Depot {
    /// Adds.
    #[chirp(idempotent)]
    async fn add(&self, a: i64, b: i64) -> i64;
    /// Returns its argument.
    #[chirp(idempotent)]
    async fn same(&self, parcel: Parcel) -> Parcel;
    /// Repeats a text.
    async fn repeat(&self, text: &str, times: Option<u8>) -> String;
    /// Reverses bytes.
    async fn reversed(&self, data: Vec<u8>) -> Bytes;
    /// Fails for odd numbers.
    async fn find(&self, number: u16) -> Result<u16, DepotError>;
    /// Counts.
    async fn count(&self, to: u8) -> impl Stream<Item = u32>;
    /// Adds items.
    async fn total(&self, numbers: Receiver<u32>) -> u64;
    /// Returns the pieces of a text between spaces.
    async fn pieces(&self, text: String) -> impl Stream<Item = Bytes>;
    /// Returns the number of bytes in a stream, and adds `more`.
    async fn length(&self, data: Receiver<Bytes>, more: Option<u8>) -> u64;
    /// Adds the items of one stream, and the lengths of the items of another.
    async fn both(&self, numbers: Receiver<u32>, data: Receiver<Bytes>) -> u64;
    /// Returns the numbers up to the first odd one, which is an error. Fails at once if there are none.
    async fn evens(
        &self,
        numbers: Vec<u16>,
    ) -> Result<impl Stream<Item = Result<u16, DepotError>>, DepotError>;
    /// Takes all parameters as one value.
    #[chirp(params)]
    async fn file(&self, parcel: Parcel) -> u32;
    /// Returns nothing.
    async fn nothing(&self);
    /// Takes a note.
    #[chirp(oneway)]
    async fn note(&self, text: String);
}

pub(crate) struct Served;

impl Depot for Served {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    async fn same(&self, parcel: Parcel) -> Parcel {
        parcel
    }

    async fn repeat(&self, text: &str, times: Option<u8>) -> String {
        text.repeat(times.unwrap_or(1).into())
    }

    async fn reversed(&self, mut data: Vec<u8>) -> Bytes {
        data.reverse();
        data.into()
    }

    async fn find(&self, number: u16) -> Result<u16, DepotError> {
        even(number)
    }

    async fn count(&self, to: u8) -> impl Stream<Item = u32> {
        tokio_stream::iter(0..u32::from(to))
    }

    async fn total(&self, numbers: Receiver<u32>) -> u64 {
        sum(numbers).await
    }

    async fn pieces(&self, text: String) -> impl Stream<Item = Bytes> {
        let pieces = text.split(' ').map(|piece| piece.to_owned().into());
        tokio_stream::iter(pieces.collect::<Vec<_>>())
    }

    async fn length(&self, data: Receiver<Bytes>, more: Option<u8>) -> u64 {
        length(data).await + u64::from(more.unwrap_or_default())
    }

    async fn both(&self, numbers: Receiver<u32>, data: Receiver<Bytes>) -> u64 {
        sum(numbers).await.wrapping_add(length(data).await)
    }

    async fn evens(
        &self,
        numbers: Vec<u16>,
    ) -> Result<impl Stream<Item = Result<u16, DepotError>>, DepotError> {
        if numbers.is_empty() {
            return Err(DepotError::NoParcel { number: 0 });
        }
        let checked = numbers.into_iter().map(even);
        Ok(tokio_stream::iter(checked.collect::<Vec<_>>()))
    }

    async fn file(&self, parcel: Parcel) -> u32 {
        parcel.number
    }

    async fn nothing(&self) {}

    async fn note(&self, _: String) {}
}

fn even(number: u16) -> Result<u16, DepotError> {
    if number.is_multiple_of(2) {
        Ok(number)
    } else {
        Err(DepotError::NoParcel { number })
    }
}

async fn sum(mut numbers: Receiver<u32>) -> u64 {
    let mut total = 0_u64;
    while let Some(Ok(number)) = numbers.recv().await {
        total = total.wrapping_add(number.into());
    }
    total
}

async fn length(mut data: Receiver<Bytes>) -> u64 {
    let mut total = 0;
    while let Some(Ok(piece)) = data.recv().await {
        total += piece.len() as u64;
    }
    total
}

/// A peer that serves the depot, for channels of any kind.
pub(crate) fn builder() -> PeerBuilder {
    PeerBuilder::new()
        .reflect()
        .service(DepotServer::new(Served))
}

/// Two connected peers, of which the second serves.
pub(crate) fn pair() -> (Peer, Peer) {
    let (near, far): (Channel, Channel) = memory();
    let client = PeerBuilder::new().start(near).expect("a peer");
    (client, builder().start(far).expect("a peer"))
}

/// A runtime for one thread, whose time stands still while there is something to do, so that a wait without an end is found
/// at once.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Waits for something that must come.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("{what} takes too long"))
}
