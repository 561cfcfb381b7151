use std::fs::File;
use std::io::{self, Read, Write};
use std::net;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net as unix;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::net::sockopt;
use tokio::net::unix::pipe;
use tokio::net::{TcpStream, UnixStream};

use super::shared_socket::SharedSocket;
use super::thread::start_thread;
use super::{Channel, Reader, Writer};

/// A descriptor that this process inherited. The process owns its copy, and no child inherits it. Other processes
/// may share the open file description, and with it the nonblocking mode, which outlives this process: it is
/// therefore left unchanged.
pub(super) enum Descriptor {
    Pipe(OwnedFd),
    /// A stream socket.
    Socket(OwnedFd),
    /// A terminal, a file or a device.
    Other(File),
}

impl Descriptor {
    /// Determines the kind of a descriptor.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](io::ErrorKind::InvalidInput) for a socket that is not a stream socket.
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
            return Err(invalid_input(
                "not a stream socket: a channel cannot use datagrams",
            ));
        }
        Ok(Self::Socket(socket))
    }

    /// Returns whether the descriptor is a listening socket.
    pub(super) fn listens(&self) -> io::Result<bool> {
        match self {
            Self::Socket(socket) => Ok(sockopt::socket_acceptconn(socket)?),
            Self::Pipe(_) | Self::Other(_) => Ok(false),
        }
    }

    /// Turns one socket into a channel. The socket becomes nonblocking for every process that shares it.
    #[cfg(target_os = "linux")]
    pub(super) fn into_channel(self) -> io::Result<Channel> {
        let Self::Socket(socket) = self else {
            return Err(invalid_input(
                "a pipe is one-way: give two descriptors, as in fd:3,4",
            ));
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
                    return Err(invalid_input(
                        "this is the write end of a pipe, and the read end is needed",
                    ));
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
                    return Err(invalid_input(
                        "this is the read end of a pipe, and the write end is needed",
                    ));
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

/// A stream socket by its address family.
pub(super) enum Socket {
    Unix(unix::UnixStream),
    Tcp(net::TcpStream),
}

pub(super) fn socket_of(socket: OwnedFd) -> io::Result<Socket> {
    let unix = unix::UnixStream::from(socket);
    // A socket of another family has no Unix address.
    if unix.local_addr().is_ok() {
        return Ok(Socket::Unix(unix));
    }
    let tcp = net::TcpStream::from(OwnedFd::from(unix));
    tcp.local_addr()?;
    Ok(Socket::Tcp(tcp))
}

fn shared(socket: OwnedFd) -> io::Result<SharedSocket> {
    // Sends small packets at once. Sockets other than TCP do not have this option and do not need it.
    let _ = sockopt::set_tcp_nodelay(&socket, true);
    SharedSocket::new(socket)
}

fn mode_of(fd: &impl AsFd) -> io::Result<OFlags> {
    Ok(fcntl_getfl(fd)? & OFlags::RWMODE)
}

/// Opens a pipe again through `/proc`, so that the nonblocking mode of the copy does not affect other processes.
/// Returns `None` if that is not possible: the pipe belongs to another user, or `/proc` is missing.
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

/// Returns a pipe that a thread fills from `input`. The thread ends at the end of the input, when the pipe is
/// closed, or with the process.
fn read_in_thread(mut input: File) -> io::Result<Reader> {
    let (read, mut write) = io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(read.into())?;
    start_thread("chirp-stdin", move || {
        let mut buffer = [0; 8192];
        loop {
            match input.read(&mut buffer) {
                Ok(0) => return,
                // The reader may close the pipe; dropping the write end tells the reader about the end of
                // input.
                Ok(bytes) => match write.write_all(&buffer[..bytes]) {
                    Ok(()) => {}
                    Err(_) => return,
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process has made the descriptor nonblocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let _ = poll(&mut [PollFd::new(&input, PollFlags::IN)], None);
                }
                Err(_) => return,
            }
        }
    })?;
    Ok(Box::new(reader))
}

fn invalid_input(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
