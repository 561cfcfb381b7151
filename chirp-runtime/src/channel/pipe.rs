use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

use super::Channel;

/// The other process's ends of a pair of pipes.
///
/// They are closed when they are dropped, and when a `Command` that was given them is dropped: as long as
/// this process holds one, it cannot see that the other process has closed its own.
///
/// `std` hands them down as standard input and output: `command.stdin(ends.read).stdout(ends.write)`. For
/// other numbers, such as 3 and 4, use the crate `command-fds`: it renumbers in the child, after the fork.
/// Making a descriptor inheritable in this process instead would let every child inherit it that another
/// thread happens to start at that moment.
#[derive(Debug)]
pub struct PipeEnds {
    /// What the other process reads from.
    pub read: OwnedFd,
    /// What the other process writes to.
    pub write: OwnedFd,
}

/// A channel over a new pair of pipes, and the ends for the other process, which makes a channel of them
/// with [`Channel::from_pipes`] or, as its standard input and output, with `channel::stdio`.
///
/// No other child process inherits them. When this side's channel closes, its ends are closed and nothing
/// is read any more, whoever still holds the others.
///
/// # Errors
///
/// What the operating system says, such as too many open files.
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
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
    /// A channel that reads from one pipe and writes to another. Both are made nonblocking, for every
    /// process that shares these ends.
    ///
    /// A child that was told the numbers of its ends has to turn those into owned descriptors, and it
    /// alone can know that nothing else in it uses them; `command_fds::inherited` does that.
    ///
    /// In a program that does not ignore `SIGPIPE`, as programs whose `main` is not Rust's may not, writing
    /// to a pipe that nobody reads ends the program.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) when one is not a pipe, or is not that end of one.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub fn from_pipes(read: OwnedFd, write: OwnedFd) -> io::Result<Self> {
        let reader = pipe::Receiver::from_owned_fd(read)?;
        let writer = pipe::Sender::from_owned_fd(write)?;
        Ok(Self::new(reader, writer))
    }
}
