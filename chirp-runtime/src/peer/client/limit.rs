use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// The time limit of a call, or of a group of calls.
pub(crate) enum CallLimit {
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

    /// Adds another deadline, before the timer runs.
    pub(in crate::peer) fn shorten(&mut self, deadline: Instant) {
        *self = match self {
            Self::Running(_) => return,
            Self::None => Self::Deadline(deadline),
            Self::Deadline(at) => Self::Deadline(deadline.min(*at)),
            Self::Timeout(timeout) => {
                let at = Instant::now().checked_add(*timeout);
                Self::Deadline(at.map_or(deadline, |at| at.min(deadline)))
            }
        };
    }

    /// Returns when the call's time is over, once the timer runs.
    pub(in crate::peer) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Running(sleep) => Some(sleep.deadline()),
            _ => None,
        }
    }

    /// Returns `true` if the limit has passed before the call is sent.
    pub(in crate::peer) fn has_passed(&self) -> bool {
        match self {
            Self::None | Self::Running(_) => false,
            Self::Timeout(timeout) => timeout.is_zero(),
            Self::Deadline(at) => *at <= Instant::now(),
        }
    }

    /// Returns `true` if the call has a limit and its timer runs.
    pub(in crate::peer) fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Returns the remaining time, once the timer runs.
    pub(in crate::peer) fn time_left(&self) -> Option<Duration> {
        match self {
            Self::Running(sleep) => {
                Some(sleep.deadline().saturating_duration_since(Instant::now()))
            }
            _ => None,
        }
    }

    /// Starts the timer, on the connection's runtime, so that the call may be awaited on any executor.
    pub(crate) fn arm(&mut self, runtime: Option<&tokio::runtime::Handle>) {
        if let Self::None | Self::Running(_) = self {
            return;
        }
        let _entered = runtime.map(tokio::runtime::Handle::enter);
        let at = match self {
            Self::None | Self::Running(_) => None,
            Self::Timeout(timeout) => Instant::now().checked_add(*timeout),
            Self::Deadline(at) => Some(*at),
        };
        // A deadline that the clock cannot represent never comes.
        *self = at.map_or(Self::None, |at| {
            Self::Running(Box::pin(tokio::time::sleep_until(at)))
        });
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self::Running(sleep) = self else {
            return Poll::Pending;
        };
        // A timer panics if its runtime has been shut down. The connection has ended too by then, and its reason is the
        // better error.
        catch_unwind(AssertUnwindSafe(|| sleep.as_mut().poll(cx))).unwrap_or_else(|_| {
            *self = Self::None;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}
