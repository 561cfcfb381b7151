use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// How long the call may take.
pub(in crate::peer) enum CallLimit {
    None,
    Timeout(Duration),
    Deadline(Instant),
    Running(Pin<Box<Sleep>>),
}

impl CallLimit {
    /// The limit of another call made from the same template. The clock of a template does not run.
    pub(in crate::peer) fn copy(&self) -> Self {
        match self {
            Self::None | Self::Running(_) => Self::None,
            Self::Timeout(timeout) => Self::Timeout(*timeout),
            Self::Deadline(at) => Self::Deadline(*at),
        }
    }

    /// Whether there is no time to begin with.
    pub(in crate::peer) fn has_passed(&self) -> bool {
        match self {
            Self::None | Self::Running(_) => false,
            Self::Timeout(timeout) => timeout.is_zero(),
            Self::Deadline(at) => *at <= Instant::now(),
        }
    }

    /// Whether there is an end to the call's time, and the clock runs.
    pub(in crate::peer) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// How much time there is, once the clock runs.
    pub(in crate::peer) fn time_left(&self) -> Option<Duration> {
        match self {
            Self::Running(sleep) => {
                Some(sleep.deadline().saturating_duration_since(Instant::now()))
            }
            _ => None,
        }
    }

    /// Starts the clock. It is the connection's runtime that keeps time, so that a call may be awaited
    /// anywhere.
    pub(in crate::peer) fn arm(&mut self, runtime: Option<&tokio::runtime::Handle>) {
        if let Self::None | Self::Running(_) = self {
            return;
        }
        let _entered = runtime.map(tokio::runtime::Handle::enter);
        let at = match self {
            Self::None | Self::Running(_) => None,
            Self::Timeout(timeout) => Instant::now().checked_add(*timeout),
            Self::Deadline(at) => Some(*at),
        };
        // A time that the clock cannot express does not come.
        *self = at.map_or(Self::None, |at| {
            Self::Running(Box::pin(tokio::time::sleep_until(at)))
        });
    }

    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self::Running(sleep) = self else {
            return Poll::Pending;
        };
        // A timer panics when its runtime has been shut down since. By then the connection has ended too,
        // which is what the caller should hear.
        catch_unwind(AssertUnwindSafe(|| sleep.as_mut().poll(cx))).unwrap_or_else(|_| {
            *self = Self::None;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}
