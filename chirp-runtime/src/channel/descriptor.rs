use std::fs::File;
use std::io::{self, Read, Write};
use std::net;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net as unix;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::net::sockopt;
use tokio::net::unix::pipe;
use tokio::net::{TcpStream, UnixStream};

use super::shared_socket::SharedSocket;
use super::{Channel, Reader, Writer};

/// A descriptor that this process was started with, and that other processes may have, too: whether it blocks is a
/// property that all of them share and that outlives this process, so that it is left as it is. It is owned, and no
/// child inherits it.
pub(super) enum Descriptor {
    Pipe(OwnedFd),
    /// A stream socket.
    Socket(OwnedFd),
    /// A terminal, a file or a device.
    Other(File),
}

impl Descriptor {
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a socket whose bytes are no stream.
    pub(super) fn of(fd: OwnedFd) -> io::Result<Self> {
        let file = File::from(fd);
        let kind = file.metadata()?.file_type();
        if kind.is_fifo() {
            return Ok(Self::Pipe(file.into()));
        }
        if !kind.is_socket() {
            return Ok(Self::Other(file));
        }
        let socket = OwnedFd::from(file);
        if sockopt::socket_type(&socket)? != rustix::net::SocketType::STREAM {
            return Err(wrong(
                "it is a datagram socket, and a channel needs a stream",
            ));
        }
        Ok(Self::Socket(socket))
    }

    /// Whether it is a socket from which connections are accepted.
    pub(super) fn listens(&self) -> io::Result<bool> {
        match self {
            Self::Socket(socket) => Ok(sockopt::socket_acceptconn(socket)?),
            Self::Pipe(_) | Self::Other(_) => Ok(false),
        }
    }

    /// A channel over one descriptor, which both reads and writes. A socket becomes nonblocking for everybody who
    /// has it.
    #[cfg(target_os = "linux")]
    pub(super) fn into_channel(self) -> io::Result<Channel> {
        let Self::Socket(socket) = self else {
            return Err(wrong("a pipe goes one way, and a channel needs two"));
        };
        match socket_of(socket)? {
            Socket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                Ok(UnixStream::from_std(socket)?.into())
            }
            Socket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpStream::from_std(socket)?.try_into()
            }
        }
    }

    pub(super) fn into_reader(self) -> io::Result<Reader> {
        match self {
            Self::Socket(socket) => Ok(Box::new(shared(socket)?)),
            Self::Pipe(pipe) => {
                if mode_of(&pipe)? == OFlags::WRONLY {
                    return Err(wrong("it is the end of a pipe that is written to"));
                }
                match reopened(&pipe, |options, path| options.open_receiver(path)) {
                    Some(pipe) => Ok(Box::new(pipe)),
                    None => read_in_thread(pipe.into()),
                }
            }
            Self::Other(file) => read_in_thread(file),
        }
    }

    pub(super) fn into_writer(self) -> io::Result<Writer> {
        match self {
            Self::Socket(socket) => Ok(Box::new(shared(socket)?)),
            Self::Pipe(pipe) => {
                if mode_of(&pipe)? == OFlags::RDONLY {
                    return Err(wrong("it is the end of a pipe that is read from"));
                }
                match reopened(&pipe, |options, path| options.open_sender(path)) {
                    Some(pipe) => Ok(Box::new(pipe)),
                    None => Ok(Box::new(tokio::fs::File::from_std(pipe.into()))),
                }
            }
            Self::Other(file) => Ok(Box::new(tokio::fs::File::from_std(file))),
        }
    }
}

/// A socket of a family whose addresses are known.
pub(super) enum Socket {
    Unix(unix::UnixStream),
    Tcp(net::TcpStream),
}

pub(super) fn socket_of(socket: OwnedFd) -> io::Result<Socket> {
    let unix = unix::UnixStream::from(socket);
    // A socket of another family has no address that this could be.
    if unix.local_addr().is_ok() {
        return Ok(Socket::Unix(unix));
    }
    let tcp = net::TcpStream::from(OwnedFd::from(unix));
    tcp.local_addr()?;
    Ok(Socket::Tcp(tcp))
}

fn shared(socket: OwnedFd) -> io::Result<SharedSocket> {
    // Small packets leave at once. What is no TCP socket has no such option, and does so anyway.
    let _ = sockopt::set_tcp_nodelay(&socket, true);
    SharedSocket::new(socket)
}

fn mode_of(fd: &impl AsFd) -> io::Result<OFlags> {
    Ok(fcntl_getfl(fd)? & OFlags::RWMODE)
}

/// The same pipe, opened once more: what is said of that is not said of the descriptors that others have. `None` where
/// that is not possible: the pipe belongs to another user, or there is no `/proc`.
fn reopened<T>(
    pipe: &OwnedFd,
    open: impl FnOnce(&pipe::OpenOptions, &str) -> io::Result<T>,
) -> Option<T> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    open(&pipe::OpenOptions::new(), &path).ok()
}

/// A pipe that a thread fills from `input`. The thread ends with the input, at the first bytes that nobody
/// wants, or with the process.
fn read_in_thread(mut input: File) -> io::Result<Reader> {
    let (read, mut write) = io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(read.into())?;
    thread::Builder::new()
        .name("chirp-stdin".into())
        .spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                match input.read(&mut buffer) {
                    Ok(0) => return,
                    // Either side may end it, and then the pipe ends too.
                    Ok(bytes) => match write.write_all(&buffer[..bytes]) {
                        Ok(()) => {}
                        Err(_) => return,
                    },
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Somebody else has made it nonblocking.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let _ = poll(&mut [PollFd::new(&input, PollFlags::IN)], None);
                    }
                    Err(_) => return,
                }
            }
        })?;
    Ok(Box::new(reader))
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
