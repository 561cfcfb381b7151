use std::fs::File;
use std::io;
use std::net;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net as unix;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::stdio::{dup2_stdin, dup2_stdout};
use tokio::net::unix::pipe;
use tokio::net::{TcpStream, UnixStream};

use super::{Channel, Reader, Writer};

static TAKEN: AtomicBool = AtomicBool::new(false);

/// A channel over this process's standard input and output: how a child serves the parent that started it
/// with `channel::Child`, and how a program serves whatever connected its input and output.
///
/// The channel takes both for itself. From now on standard input is empty, and what this process or its
/// children print goes to standard error instead, so that a stray `println!` does no harm; and when the
/// channel closes the other side sees it at once, not when this process ends. Nothing may have read from
/// standard input before.
///
/// Pipes and sockets are used without blocking any thread, and do not hold up the end of the process. They
/// become nonblocking for every process that shares them. Terminals and files, which cannot be waited for,
/// are left in their mode and their place: a thread of its own reads such an input, which does not hold up
/// the end either, and such an output is [`tokio::io::stdout`].
///
/// # Errors
///
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) when it was called before, and what the operating system
/// says. After an error nothing has been taken, unless it was the redirection itself that failed.
///
/// # Panics
///
/// Outside of a tokio runtime with I/O enabled.
pub fn stdio() -> io::Result<Channel> {
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "standard input and output are a channel already",
        ));
    }
    take().inspect_err(|_| TAKEN.store(false, Ordering::Release))
}

fn take() -> io::Result<Channel> {
    let input = Stream::open(io::stdin().as_fd())?;
    let output = Stream::open(io::stdout().as_fd())?;
    let nothing = File::open("/dev/null")?;
    let (reader, redirect_input) = match input {
        Some(stream) => (stream.into_reader()?, true),
        None => (read_elsewhere(io::stdin().as_fd())?, false),
    };
    let (writer, redirect_output) = match output {
        Some(stream) => (stream.into_writer()?, true),
        None => (Box::new(tokio::io::stdout()) as Writer, false),
    };
    if redirect_input {
        dup2_stdin(&nothing)?;
    }
    if redirect_output {
        dup2_stdout(io::stderr())?;
    }
    Ok(Channel::new(reader, writer))
}

/// What can be waited for without a thread. A descriptor of its own, which no child inherits.
pub(super) enum Stream {
    Pipe(OwnedFd),
    Unix(unix::UnixStream),
    Tcp(net::TcpStream),
}

impl Stream {
    /// `None` for what cannot be waited for.
    fn open(fd: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        Self::of(fd.try_clone_to_owned()?)
    }

    /// `None` for what cannot be waited for.
    pub(super) fn of(fd: OwnedFd) -> io::Result<Option<Self>> {
        let file = File::from(fd);
        let kind = file.metadata()?.file_type();
        let fd = OwnedFd::from(file);
        if kind.is_fifo() {
            return Ok(Some(Self::Pipe(fd)));
        }
        if !kind.is_socket() {
            return Ok(None);
        }
        let unix = unix::UnixStream::from(fd);
        // A socket of another family has no address that this could be.
        if unix.local_addr().is_ok() {
            return Ok(Some(Self::Unix(unix)));
        }
        let tcp = net::TcpStream::from(OwnedFd::from(unix));
        tcp.local_addr()?;
        Ok(Some(Self::Tcp(tcp)))
    }

    /// A channel over one descriptor, which both reads and writes.
    pub(super) fn into_channel(self) -> io::Result<Channel> {
        match self {
            Self::Pipe(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a pipe goes one way, and a channel needs two",
            )),
            Self::Unix(socket) => Ok(nonblocking_unix(socket)?.into()),
            Self::Tcp(socket) => nonblocking_tcp(socket)?.try_into(),
        }
    }

    pub(super) fn into_reader(self) -> io::Result<Reader> {
        Ok(match self {
            Self::Pipe(fd) => Box::new(pipe::Receiver::from_owned_fd(fd)?),
            Self::Unix(socket) => Box::new(nonblocking_unix(socket)?),
            Self::Tcp(socket) => Box::new(nonblocking_tcp(socket)?),
        })
    }

    pub(super) fn into_writer(self) -> io::Result<Writer> {
        Ok(match self {
            Self::Pipe(fd) => Box::new(pipe::Sender::from_owned_fd(fd)?),
            Self::Unix(socket) => Box::new(nonblocking_unix(socket)?),
            Self::Tcp(socket) => Box::new(nonblocking_tcp(socket)?),
        })
    }
}

fn nonblocking_unix(socket: unix::UnixStream) -> io::Result<UnixStream> {
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

fn nonblocking_tcp(socket: net::TcpStream) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    TcpStream::from_std(socket)
}

/// A pipe that a thread fills from `input`. The thread ends with the input, at the first bytes that nobody
/// wants, or with the process.
fn read_elsewhere(input: BorrowedFd<'_>) -> io::Result<Reader> {
    let mut input = File::from(input.try_clone_to_owned()?);
    let (read, mut write) = io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(read.into())?;
    thread::Builder::new()
        .name("chirp-stdin".into())
        .spawn(move || {
            // Either side may end it, and then the pipe ends too.
            let _ = io::copy(&mut input, &mut write);
        })?;
    Ok(Box::new(reader))
}
