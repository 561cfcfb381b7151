//! The streams that systems are connected over.

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream, tcp, unix};

use crate::system::Result;

/// How many bytes may be on their way through memory, in each direction.
const MEMORY: usize = 64 << 10;

/// A kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A Unix socket.
    Unix,
    /// TCP over the loopback interface, without Nagle's delay.
    Tcp,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
        })
    }
}

/// A stream that has halves of its own, so that a system which wants halves need not lock between them.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static {
    /// What reads.
    type Reader: AsyncRead + Unpin + Send + Sync + 'static;
    /// What writes.
    type Writer: AsyncWrite + Unpin + Send + Sync + 'static;

    /// The halves.
    fn halves(self) -> (Self::Reader, Self::Writer);
}

impl Stream for UnixStream {
    type Reader = unix::OwnedReadHalf;
    type Writer = unix::OwnedWriteHalf;

    fn halves(self) -> (Self::Reader, Self::Writer) {
        self.into_split()
    }
}

impl Stream for TcpStream {
    type Reader = tcp::OwnedReadHalf;
    type Writer = tcp::OwnedWriteHalf;

    fn halves(self) -> (Self::Reader, Self::Writer) {
        self.into_split()
    }
}

impl Stream for DuplexStream {
    type Reader = ReadHalf<Self>;
    type Writer = WriteHalf<Self>;

    fn halves(self) -> (Self::Reader, Self::Writer) {
        tokio::io::split(self)
    }
}

/// The two ends of a Unix socket.
pub fn unix_pair() -> Result<(UnixStream, UnixStream)> {
    Ok(UnixStream::pair()?)
}

/// The two ends of a TCP connection.
pub async fn tcp_pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (one, other) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (one, (other, _)) = (one?, other?);
    one.set_nodelay(true)?;
    other.set_nodelay(true)?;
    Ok((one, other))
}

/// The two ends of a stream in memory.
pub fn memory_pair() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(MEMORY)
}
