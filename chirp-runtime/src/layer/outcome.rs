use std::fmt;
use std::time::Instant as Deadline;

use tokio::time::Instant;

use crate::packet::FrameworkError;
use crate::peer::{InboundRequest, Reply};

/// How a call ended, for metrics and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// The method returned a value.
    Ok,
    /// The method returned its own error.
    Error,
    /// There is no such method.
    UnknownMethod,
    /// Refused: too many calls are running.
    Overloaded,
    /// Refused: the connection is closing.
    ShuttingDown,
    /// The handler or an inner layer panicked.
    Panicked,
    /// The deadline of the call passed.
    DeadlineExceeded,
    /// The arguments could not be decoded.
    InvalidArguments,
    /// The call needs a feature that is not supported.
    Unsupported,
    /// The handler ended without a reply.
    NoReply,
    /// The result could not be encoded.
    InvalidResult,
    /// The caller may not call the method.
    PermissionDenied,
    /// The caller cancelled the call, or its connection ended.
    Cancelled,
    /// Another error of the framework.
    Other,
}

impl Outcome {
    /// All outcomes, in the order of their declaration.
    pub const ALL: [Self; 14] = [
        Self::Ok,
        Self::Error,
        Self::UnknownMethod,
        Self::Overloaded,
        Self::ShuttingDown,
        Self::Panicked,
        Self::DeadlineExceeded,
        Self::InvalidArguments,
        Self::Unsupported,
        Self::NoReply,
        Self::InvalidResult,
        Self::PermissionDenied,
        Self::Cancelled,
        Self::Other,
    ];

    /// Returns the outcome of a call with this reply.
    pub fn of(reply: &Reply) -> Self {
        let error = match reply {
            Reply::Value(_) => return Self::Ok,
            Reply::UnknownMethod => return Self::UnknownMethod,
            Reply::Deferred(_) => return Self::Other,
            Reply::Error(error) => error,
        };
        match FrameworkError::from_error_data(error) {
            None => Self::Error,
            Some(FrameworkError::Overloaded) => Self::Overloaded,
            Some(FrameworkError::ShuttingDown) => Self::ShuttingDown,
            Some(FrameworkError::Panicked { .. }) => Self::Panicked,
            Some(FrameworkError::DeadlineExceeded) => Self::DeadlineExceeded,
            Some(FrameworkError::InvalidArguments) => Self::InvalidArguments,
            Some(FrameworkError::Unsupported) => Self::Unsupported,
            Some(FrameworkError::NoReply) => Self::NoReply,
            Some(FrameworkError::InvalidResult) => Self::InvalidResult,
            Some(FrameworkError::PermissionDenied) => Self::PermissionDenied,
            Some(_) => Self::Other,
        }
    }

    /// Returns the name in metrics and logs, such as `permission_denied`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::UnknownMethod => "unknown_method",
            Self::Overloaded => "overloaded",
            Self::ShuttingDown => "shutting_down",
            Self::Panicked => "panicked",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::InvalidArguments => "invalid_arguments",
            Self::Unsupported => "unsupported",
            Self::NoReply => "no_reply",
            Self::InvalidResult => "invalid_result",
            Self::PermissionDenied => "permission_denied",
            Self::Cancelled => "cancelled",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reports the outcome of one call, also if the call is dropped before its reply.
pub(super) struct OutcomeGuard<F: FnMut(Outcome)> {
    report: F,
    deadline: Option<Deadline>,
    reported: bool,
}

impl<F: FnMut(Outcome)> OutcomeGuard<F> {
    pub(super) fn new(request: &InboundRequest, report: F) -> Self {
        Self {
            report,
            deadline: request.context().deadline(),
            reported: false,
        }
    }

    /// Reports the outcome of the call with this reply.
    pub(super) fn replied(mut self, reply: &Reply) {
        self.report(Outcome::of(reply));
    }

    fn report(&mut self, outcome: Outcome) {
        self.reported = true;
        (self.report)(outcome);
    }
}

impl<F: FnMut(Outcome)> Drop for OutcomeGuard<F> {
    fn drop(&mut self) {
        if self.reported {
            return;
        }
        // The future of a call is dropped where the handler panics, at its deadline, and when it is cancelled.
        let is_late = self
            .deadline
            .is_some_and(|at| at <= Instant::now().into_std());
        self.report(if std::thread::panicking() {
            Outcome::Panicked
        } else if is_late {
            Outcome::DeadlineExceeded
        } else {
            Outcome::Cancelled
        });
    }
}
