//! The services behind the gateways.

use std::time::Duration;

use bytes::Bytes;
use chirp::CallContext;
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
            sum: a + b,
            diff: a - b,
        }
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, ArithError> {
        a.checked_div(b)
            .ok_or(ArithError::DivisionByZero { dividend: a })
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
