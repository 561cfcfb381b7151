//! The services behind the gateways.

use std::time::Duration;

use bytes::Bytes;
use chirp::{CallContext, Receiver};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SumDiff {
    pub(crate) sum: i64,
    pub(crate) diff: i64,
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
pub(crate) enum ArithError {
    /// The divisor is zero.
    #[error("division of {dividend} by zero")]
    #[chirp(code = 7)]
    DivisionByZero { dividend: i64 },
    /// The quotient is out of range.
    #[error("the quotient is out of range")]
    #[chirp(code = 8, http_status = 409)]
    Overflow,
}

/// Arithmetic.
#[chirp::service]
pub(crate) trait Arith {
    /// Adds and subtracts.
    #[chirp(idempotent)]
    async fn sum_diff(&self, a: i64, b: i64) -> SumDiff;
    async fn divide(&self, a: i64, b: i64) -> Result<i64, ArithError>;
    async fn reversed(&self, data: Vec<u8>) -> Bytes;
    #[chirp(oneway)]
    async fn note(&self, text: String);
    async fn wait(&self);
    async fn nothing(&self);
    async fn panics(&self);
    async fn metadata(&self, cx: &CallContext, key: &str) -> Option<String>;
    async fn trace(&self, cx: &CallContext) -> Option<String>;
    async fn time_left(&self, cx: &CallContext) -> Option<Duration>;
    #[chirp(name = "text/länge")]
    async fn length(&self, text: String) -> usize;
}

pub(crate) struct Calculator {
    pub(crate) notes: mpsc::UnboundedSender<String>,
}

impl Calculator {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (notes, receiver) = mpsc::unbounded_channel();
        (Self { notes }, receiver)
    }

    /// A server whose notes nobody reads.
    pub(crate) fn server() -> ArithServer<Self> {
        ArithServer::new(Self::new().0)
    }

    fn note_down(&self, text: impl Into<String>) {
        // A test may have no use for notes.
        let _ = self.notes.send(text.into());
    }
}

/// Notes down that a handler was dropped.
struct NoteDrop<'c>(&'c Calculator);

impl Drop for NoteDrop<'_> {
    fn drop(&mut self) {
        self.0.note_down("dropped");
    }
}

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> SumDiff {
        SumDiff {
            sum: a.wrapping_add(b),
            diff: a.wrapping_sub(b),
        }
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, ArithError> {
        if b == 0 {
            return Err(ArithError::DivisionByZero { dividend: a });
        }
        a.checked_div(b).ok_or(ArithError::Overflow)
    }

    async fn reversed(&self, data: Vec<u8>) -> Bytes {
        data.into_iter().rev().collect()
    }

    async fn note(&self, text: String) {
        self.note_down(text);
    }

    async fn wait(&self) {
        let _drop = NoteDrop(self);
        self.note_down("waiting");
        std::future::pending::<()>().await;
    }

    async fn nothing(&self) {}

    async fn panics(&self) {
        panic!("as the test wants");
    }

    async fn metadata(&self, cx: &CallContext, key: &str) -> Option<String> {
        cx.metadata().text(key).map(str::to_owned)
    }

    async fn trace(&self, cx: &CallContext) -> Option<String> {
        let trace = cx.trace()?;
        Some(format!("{} {}", trace.traceparent(), trace.state()))
    }

    async fn time_left(&self, cx: &CallContext) -> Option<Duration> {
        let deadline = cx.deadline()?;
        Some(deadline.saturating_duration_since(std::time::Instant::now()))
    }

    async fn length(&self, text: String) -> usize {
        text.len()
    }
}

/// Streams in both directions.
#[chirp::service]
pub(crate) trait Flow {
    #[chirp(idempotent)]
    async fn count(&self, to: u32) -> impl Stream<Item = Line>;
    async fn fail(
        &self,
        at: u32,
    ) -> Result<impl Stream<Item = Result<u32, ArithError>>, ArithError>;
    async fn sum(&self, numbers: Receiver<u32>, start: u32) -> Result<u32, String>;
    async fn store(&self, name: &str, data: Receiver<Bytes>) -> Result<String, String>;
    async fn zeros(&self, pieces: u32, length: usize) -> impl Stream<Item = Bytes>;
    async fn torn(&self) -> impl Stream<Item = Result<Bytes, String>>;
    async fn echo(&self, chunks: Receiver<Bytes>) -> impl Stream<Item = Bytes>;
    /// One item, and no end.
    async fn endless(&self) -> impl Stream<Item = u32>;
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) number: u32,
    pub(crate) text: String,
}

pub(crate) struct Flows {
    pub(crate) dropped: mpsc::UnboundedSender<()>,
}

impl Flows {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<()>) {
        let (dropped, receiver) = mpsc::unbounded_channel();
        (Self { dropped }, receiver)
    }

    pub(crate) fn server() -> FlowServer<Self> {
        FlowServer::new(Self::new().0)
    }
}

struct NoteEnd(mpsc::UnboundedSender<()>);

impl Drop for NoteEnd {
    fn drop(&mut self) {
        // A test may have no use for it.
        let _ = self.0.send(());
    }
}

impl Flow for Flows {
    async fn count(&self, to: u32) -> impl Stream<Item = Line> {
        tokio_stream::iter((1..=to).map(|number| Line {
            number,
            text: "a\nb".to_owned(),
        }))
    }

    async fn fail(
        &self,
        at: u32,
    ) -> Result<impl Stream<Item = Result<u32, ArithError>>, ArithError> {
        let error = || ArithError::DivisionByZero { dividend: 1 };
        if at == 0 {
            return Err(error());
        }
        Ok(tokio_stream::iter((1..=at).map(move |number| {
            if number == at {
                Err(error())
            } else {
                Ok(number)
            }
        })))
    }

    async fn sum(&self, mut numbers: Receiver<u32>, start: u32) -> Result<u32, String> {
        let mut sum = start;
        while let Some(number) = numbers.recv().await {
            sum = sum.wrapping_add(number.map_err(|error| error.to_string())?);
        }
        Ok(sum)
    }

    async fn store(&self, name: &str, mut data: Receiver<Bytes>) -> Result<String, String> {
        let mut length = 0;
        while let Some(piece) = data.recv().await {
            length += piece.map_err(|error| error.to_string())?.len();
        }
        Ok(format!("{name}: {length}"))
    }

    async fn zeros(&self, pieces: u32, length: usize) -> impl Stream<Item = Bytes> {
        let end = NoteEnd(self.dropped.clone());
        let piece = Bytes::from(vec![0; length]);
        async_stream::stream! {
            let _end = end;
            for _ in 0..pieces {
                yield piece.clone();
            }
        }
    }

    async fn torn(&self) -> impl Stream<Item = Result<Bytes, String>> {
        tokio_stream::iter([Ok(Bytes::from_static(b"some")), Err("torn".to_owned())])
    }

    async fn echo(&self, mut chunks: Receiver<Bytes>) -> impl Stream<Item = Bytes> {
        async_stream::stream! {
            while let Some(Ok(chunk)) = chunks.recv().await {
                yield chunk;
            }
        }
    }

    async fn endless(&self) -> impl Stream<Item = u32> {
        let end = NoteEnd(self.dropped.clone());
        async_stream::stream! {
            let _end = end;
            yield 1;
            std::future::pending::<()>().await;
        }
    }
}
