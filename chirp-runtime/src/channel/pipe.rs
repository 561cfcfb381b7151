use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

use super::Channel;

/// The ends of a pair of pipes for another process.
///
/// The ends are closed when they are dropped, or when a `Command` that owns them is dropped. As long as this
/// process holds an end, it cannot notice that the other process has closed its own.
///
/// Pass them as standard input and output with `command.stdin(ends.read).stdout(ends.write)`. For other numbers,
/// such as 3 and 4, use the crate `command-fds`, which renumbers the descriptors in the child after the fork.
/// Making a descriptor inheritable in this process would leak it to every child that another thread starts at that
/// moment.
#[derive(Debug)]
pub struct PipeEnds {
    /// The end that the other process reads from.
    pub read: OwnedFd,
    /// The end that the other process writes to.
    pub write: OwnedFd,
}

/// Creates a channel over a new pair of pipes. Returns the channel and the ends for the other process, which turns
/// them into a channel with [`Channel::from_pipes`] or, as its standard input and output, with `channel::stdio`.
///
/// No other child process inherits the pipes. When the channel of this side closes, reading stops at once, even if
/// another process still holds the other ends.
///
/// # Errors
///
/// Returns the error of the operating system, such as too many open files.
///
/// # Panics
///
/// Panics outside a tokio runtime with I/O enabled.
pub fn pipes() -> io::Result<(Channel, PipeEnds)> {
    let (read, their_write) = io::pipe()?;
    let (their_read, write) = io::pipe()?;
    let ends = PipeEnds {
        read: their_read.into(),
        write: their_write.into(),
    };
    Ok((Channel::from_pipes(read.into(), write.into())?, ends))
}

impl Channel {
    /// Creates a channel that reads from one pipe and writes to another. Both become nonblocking, for every process
    /// that shares these ends.
    ///
    /// A child that received the numbers of its ends has to turn them into owned descriptors, which only it can
    /// know to be unused; `command_fds::inherited` does that.
    ///
    /// A program that does not ignore `SIGPIPE` is killed when it writes to a pipe without a reader. Rust programs
    /// ignore the signal by default; programs whose `main` is not in Rust may not.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](io::ErrorKind::InvalidInput) if a descriptor is not a pipe, or is the wrong end of
    /// one.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with I/O enabled.
    pub fn from_pipes(read: OwnedFd, write: OwnedFd) -> io::Result<Self> {
        let reader = pipe::Receiver::from_owned_fd(read)?;
        let writer = pipe::Sender::from_owned_fd(write)?;
        Ok(Self::new(reader, writer))
    }
}
