//! The services of both sides.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chirp::{ByteReader, CallContext, CallError, MethodError, Receiver, Stream, StreamError};
use tokio::io::AsyncReadExt;

use crate::content;
use crate::ledger::Ledger;

/// The beginning of the messages of panics that belong to the workload.
pub(crate) const EXPECTED_PANIC: &str = "a handler of the soak panics";

/// The length of the pieces of a download, in bytes.
const PIECE: usize = 10_000;

/// The error of a method.
#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
pub(crate) enum WorkError {
    #[error("refused with number {number}")]
    #[chirp(code = 1)]
    Refused { number: u64 },
    #[error("the caller did not answer: {reason}")]
    #[chirp(code = 2)]
    NotAnswered { reason: String },
}

/// The service of servers and nodes.
#[chirp::service]
pub(crate) trait Work {
    async fn add(&self, ticket: u64, a: u64, b: u64) -> u64;
    #[chirp(idempotent)]
    async fn echo(&self, data: &[u8]) -> Vec<u8>;
    async fn fail(&self, number: u64) -> Result<u64, WorkError>;
    /// Waits, and returns unless it is interrupted.
    async fn wait(&self, ticket: u64, millis: u64) -> u64;
    async fn panic(&self, number: u64);
    /// Blocks a thread of the pool.
    #[chirp(blocking)]
    fn grind(&self, millis: u64) -> u64;
    /// Blocks a thread of the runtime, which a handler must not do.
    async fn block(&self, millis: u64) -> u64;
    #[chirp(oneway)]
    async fn note(&self, ticket: u64);
    /// Calls the caller back, nested `depth` times.
    async fn call_back(&self, cx: &CallContext, value: u64, depth: u8) -> Result<u64, WorkError>;
    async fn count(&self, from: u64, to: u64) -> impl Stream<Item = u64>;
    /// Adds numbers up until the end of their stream.
    async fn total(&self, numbers: Receiver<u64>) -> Result<u64, StreamError>;
    /// Returns the pieces as they come.
    async fn relay(
        &self,
        pieces: Receiver<Bytes>,
    ) -> impl Stream<Item = Result<Bytes, StreamError>>;
    async fn download(&self, seed: u64, length: u64) -> impl Stream<Item = Bytes>;
    /// Returns the length and the checksum.
    async fn upload(&self, content: Receiver<Bytes>) -> Result<(u64, u64), io::Error>;
}

/// The service of clients on their connections.
#[chirp::service]
pub(crate) trait Back {
    async fn back(&self, cx: &CallContext, value: u64, depth: u8) -> Result<u64, WorkError>;
}

/// Returns a value that has been through `depth` further calls.
pub(crate) fn through(value: u64, depth: u8) -> u64 {
    value.wrapping_mul(3).wrapping_add(u64::from(depth))
}

/// The implementation of both.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) ledger: Arc<Ledger>,
}

impl From<CallError> for WorkError {
    fn from(error: CallError) -> Self {
        let reason = error.to_string();
        Self::NotAnswered { reason }
    }
}

impl Work for Worker {
    async fn add(&self, ticket: u64, a: u64, b: u64) -> u64 {
        self.ledger.ran(ticket);
        a + b
    }

    async fn echo(&self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }

    async fn fail(&self, number: u64) -> Result<u64, WorkError> {
        if number.is_multiple_of(2) {
            return Ok(number);
        }
        Err(WorkError::Refused { number })
    }

    async fn wait(&self, ticket: u64, millis: u64) -> u64 {
        self.ledger.ran(ticket);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }

    async fn panic(&self, number: u64) {
        // Some panics before the first wait, where the handler runs in place, and some after it.
        if number.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
        panic!("{EXPECTED_PANIC}: {number}");
    }

    fn grind(&self, millis: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(millis));
        millis
    }

    async fn block(&self, millis: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(millis));
        millis
    }

    async fn note(&self, ticket: u64) {
        self.ledger.ran(ticket);
    }

    async fn call_back(&self, cx: &CallContext, value: u64, depth: u8) -> Result<u64, WorkError> {
        let Some(left) = depth.checked_sub(1) else {
            return Ok(through(value, depth));
        };
        let answer = BackClient::new(cx.caller()).back(value, left).await;
        let answer = answer.map_err(MethodError::flatten::<WorkError>)?;
        Ok(through(answer, depth))
    }

    async fn count(&self, from: u64, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(from..to)
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> Result<u64, StreamError> {
        let mut total = 0;
        while let Some(number) = numbers.recv().await {
            total += number?;
        }
        Ok(total)
    }

    async fn relay(
        &self,
        pieces: Receiver<Bytes>,
    ) -> impl Stream<Item = Result<Bytes, StreamError>> {
        pieces
    }

    async fn download(&self, seed: u64, length: u64) -> impl Stream<Item = Bytes> {
        let all = content::bytes(seed, length as usize, false);
        let pieces = (0..all.len()).step_by(PIECE);
        tokio_stream::iter(pieces.map(move |at| all.slice(at..all.len().min(at + PIECE))))
    }

    async fn upload(&self, content: Receiver<Bytes>) -> Result<(u64, u64), io::Error> {
        let mut reader = ByteReader::new(content);
        let mut buffer = vec![0; 7_000];
        let (mut length, mut sum) = (0, 0);
        loop {
            let read = reader.read(&mut buffer).await?;
            if read == 0 {
                return Ok((length, sum));
            }
            length += read as u64;
            sum = content::checksum(sum, &buffer[..read]);
        }
    }
}

impl Back for Worker {
    async fn back(&self, cx: &CallContext, value: u64, depth: u8) -> Result<u64, WorkError> {
        let Some(left) = depth.checked_sub(1) else {
            return Ok(through(value, depth));
        };
        let answer = WorkClient::new(cx.caller()).call_back(value, left).await;
        let answer = answer.map_err(MethodError::flatten::<WorkError>)?;
        Ok(through(answer, depth))
    }
}
