use std::process;

/// The exit code of the program. `chirp help` and the guide list the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// The command succeeded.
    Success = 0,
    /// The method failed with an error of its own, a comparison found a difference, or a record is incomplete.
    Failed = 1,
    /// The command line is wrong, or the target does not offer what the command needs.
    Usage = 2,
    /// There is no connection, or it was lost before an answer arrived.
    NoConnection = 3,
    /// A time limit passed.
    TimedOut = 4,
    /// The caller may not call the method, or the other side's identity was not accepted.
    NotAllowed = 5,
    /// There is no such method.
    UnknownMethod = 6,
    /// The target is overloaded or shutting down, its handler panicked, or its framework refused the call otherwise.
    Framework = 7,
    /// A stream failed after items were printed.
    BrokenStream = 8,
    /// The program was interrupted.
    Interrupted = 130,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
