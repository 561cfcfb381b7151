//! Guards around calls into the program's code: hooks, connectors, observers, wakers, and drops of its values. A panic
//! there fails the operation that it was called for, and nothing else (ARCHITECTURE.md, "Guards").

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

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
pub(crate) fn run<'a, T>(
    what: &'static str,
    work: impl Future<Output = T> + Send + 'a,
) -> impl Future<Output = Result<T, Panicked>> + Send {
    Work {
        what,
        future: Some(Box::pin(work)),
    }
}

/// A future of the program. It does not depend on the type of the future, so that its code is compiled once for each
/// output.
struct Work<'a, T> {
    what: &'static str,
    future: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
}

impl<T> Future for Work<'_, T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { what, future } = &mut *self;
        let Some(future) = future else {
            return Poll::Pending;
        };
        let done = match call(what, || future.as_mut().poll(cx)) {
            Ok(polled) => Ok(ready!(polled)),
            Err(panicked) => Err(panicked),
        };
        discard_as(self.what, self.future.take());
        Poll::Ready(done)
    }
}

impl<T> Drop for Work<'_, T> {
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
        caught_in_drop(what, panic);
    }
}

#[cold]
fn caught_in_drop(what: &'static str, panic: Box<dyn Any + Send>) {
    #[cfg(feature = "tracing")]
    tracing::error!("{what} panicked while it was dropped: {}", text(&*panic));
    #[cfg(not(feature = "tracing"))]
    let _ = what;
    // The payload of a panic may panic when it is dropped; then it is leaked.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
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
