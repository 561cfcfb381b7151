use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chirp::CallContext;
use tokio::sync::Notify;

/// Arithmetic, and what tests need to see.
#[chirp::service]
pub(crate) trait Arith {
    /// Adds and subtracts.
    #[chirp(idempotent)]
    async fn sum_diff(&self, a: i64, b: i64) -> (i64, i64);

    /// Divides.
    async fn divide(&self, a: i64, b: i64) -> Result<i64, ArithError>;

    /// Returns a value of the metadata, and the milliseconds that are left.
    async fn context(&self, cx: &CallContext, key: String) -> (Option<String>, Option<u64>);

    /// Returns the trace, and the identity of the caller.
    async fn caller(&self, cx: &CallContext) -> (Option<String>, String);

    /// Waits until the test releases it.
    async fn wait(&self) -> usize;

    /// Sleeps for some milliseconds.
    async fn sleep(&self, ms: u64) -> u64;

    /// Returns as many bytes.
    async fn bytes(&self, len: usize) -> Vec<u8>;

    /// Panics.
    async fn fail(&self);

    /// Takes a number.
    #[chirp(oneway)]
    async fn note(&self, number: usize);

    /// Panics, and has no answer.
    #[chirp(oneway)]
    async fn explode(&self);
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
pub(crate) enum ArithError {
    #[error("division of {0} by zero")]
    #[chirp(code = 7)]
    ByZero(i64),
}

/// The state of an implementation, which tests look at.
#[derive(Clone, Default)]
pub(crate) struct Calculator(pub(crate) Arc<CalculatorState>);

#[derive(Default)]
pub(crate) struct CalculatorState {
    /// Calls of any method that were started.
    pub(crate) started: AtomicUsize,
    /// Calls of `wait` that run now.
    pub(crate) waiting: AtomicUsize,
    /// Calls of `wait` that were dropped.
    pub(crate) dropped: AtomicUsize,
    pub(crate) notes: AtomicUsize,
    pub(crate) release: Notify,
    /// Whether `note` waits.
    pub(crate) blocked: AtomicBool,
}

struct Waiting<'w>(&'w CalculatorState);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Calculator {
    fn start(&self) -> usize {
        self.0.started.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn started(&self) -> usize {
        self.0.started.load(Ordering::SeqCst)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::SeqCst)
    }

    pub(crate) fn notes(&self) -> usize {
        self.0.notes.load(Ordering::SeqCst)
    }
}

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> (i64, i64) {
        self.start();
        (a + b, a - b)
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, ArithError> {
        self.start();
        a.checked_div(b).ok_or(ArithError::ByZero(a))
    }

    async fn context(&self, cx: &CallContext, key: String) -> (Option<String>, Option<u64>) {
        let left = cx
            .deadline()
            .map(|at| at.saturating_duration_since(std::time::Instant::now()));
        let value = cx.metadata().text(&key).map(str::to_owned);
        (
            value,
            left.and_then(|left| u64::try_from(left.as_millis()).ok()),
        )
    }

    async fn caller(&self, cx: &CallContext) -> (Option<String>, String) {
        let trace = cx.trace().map(|trace| format!("{trace} {}", trace.state()));
        (trace, cx.identity().to_string())
    }

    async fn wait(&self) -> usize {
        let number = self.start();
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.0);
        self.0.release.notified().await;
        number
    }

    async fn sleep(&self, ms: u64) -> u64 {
        self.start();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }

    async fn bytes(&self, len: usize) -> Vec<u8> {
        vec![7; len]
    }

    async fn fail(&self) {
        panic!("as the test wants");
    }

    async fn explode(&self) {
        self.start();
        panic!("as the test wants");
    }

    async fn note(&self, number: usize) {
        self.start();
        if self.0.blocked.load(Ordering::SeqCst) {
            self.0.release.notified().await;
        }
        self.0.notes.fetch_add(number, Ordering::SeqCst);
    }
}
