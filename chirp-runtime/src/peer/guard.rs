//! Guards around calls into the program's code: hooks, connectors, observers, wakers, and drops of its values. A panic
//! there fails the operation that it was called for, and nothing else (ARCHITECTURE.md, "Guards").

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Poll, Waker};

/// A panic that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Panicked {
    what: &'static str,
    text: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} panicked: {}", self.what, self.text)
    }
}

impl From<Panicked> for io::Error {
    fn from(panicked: Panicked) -> Self {
        Self::other(panicked.to_string())
    }
}

/// Calls the program's code. `what` names it in the log.
///
/// # Errors
///
/// [`Panicked`], which has been logged.
#[inline]
pub(crate) fn call<T>(what: &'static str, code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| caught(what, panic))
}

#[cold]
fn caught(what: &'static str, panic: Box<dyn Any + Send>) -> Panicked {
    let text = text(&*panic).to_owned();
    discard(panic);
    #[cfg(feature = "tracing")]
    tracing::error!("{what} panicked: {text}");
    Panicked { what, text }
}

/// As [`call`], for a future. The future is dropped inside the guard as well, also if this one is dropped.
///
/// # Errors
///
/// As [`call`].
pub(crate) async fn run<F: Future>(what: &'static str, work: F) -> Result<F::Output, Panicked> {
    let mut work = Work {
        what,
        future: Some(Box::pin(work)),
    };
    let done = poll_fn(|cx| {
        let Some(future) = &mut work.future else {
            return Poll::Pending;
        };
        match call(what, || future.as_mut().poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    });
    done.await
}

/// A future of the program.
struct Work<F> {
    what: &'static str,
    future: Option<Pin<Box<F>>>,
}

impl<F> Drop for Work<F> {
    fn drop(&mut self) {
        discard_as(self.what, self.future.take());
    }
}

/// Drops a value that belongs to the program. A panic is caught.
pub(crate) fn discard<T>(value: T) {
    discard_as("a drop of a value", value);
}

fn discard_as<T>(what: &'static str, value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        #[cfg(feature = "tracing")]
        tracing::error!("{what} panicked while it was dropped: {}", text(&*panic));
        #[cfg(not(feature = "tracing"))]
        let _ = what;
        // The payload of a panic may panic when it is dropped; then it is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again);
        }
    }
}

/// Wakes a task, which may belong to an executor of the program.
#[inline]
pub(crate) fn wake(waker: Waker) {
    // Ignored: the tasks after it must be woken nevertheless.
    let _ = call("a waker", || waker.wake());
}

/// Returns the message of a panic, or `?` if it has none.
pub(crate) fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}
