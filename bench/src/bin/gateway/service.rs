use bytes::Bytes;
use chirp::Receiver;
use futures::Stream;
use serde::{Deserialize, Serialize};

/// The bytes of each item of a body that the servers send.
pub(crate) const PIECE: usize = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SumDiff {
    sum: i64,
    diff: i64,
}

impl SumDiff {
    pub(crate) fn of(a: i64, b: i64) -> Self {
        Self {
            sum: a.wrapping_add(b),
            diff: a.wrapping_sub(b),
        }
    }
}

/// Arithmetic.
#[chirp::service]
pub(crate) trait Arith {
    /// Adds and subtracts.
    async fn sum_diff(&self, a: i64, b: i64) -> SumDiff;
    /// Sends some bytes.
    #[chirp(idempotent)]
    async fn read(&self, length: u64) -> impl Stream<Item = Bytes>;
    /// Counts bytes.
    async fn write(&self, data: Receiver<Bytes>) -> u64;
}

pub(crate) struct Calculator;

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> SumDiff {
        SumDiff::of(a, b)
    }

    async fn read(&self, length: u64) -> impl Stream<Item = Bytes> {
        bytes_of(length)
    }

    async fn write(&self, mut data: Receiver<Bytes>) -> u64 {
        let mut length = 0;
        while let Some(Ok(piece)) = data.recv().await {
            length += piece.len() as u64;
        }
        length
    }
}

/// Returns a stream of this many bytes.
pub(crate) fn bytes_of(length: u64) -> impl Stream<Item = Bytes> {
    let piece = Bytes::from(vec![7; PIECE]);
    async_stream::stream! {
        let mut left = length;
        while left > 0 {
            let length = left.min(PIECE as u64);
            left -= length;
            yield piece.slice(..length as usize);
        }
    }
}
