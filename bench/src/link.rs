//! The streams that systems are connected over.
//!
//! Each is one type, whatever it goes over, so that what is generic over streams is compiled once. To find
//! out which it is costs a branch, for every system the same.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream, tcp, unix};

use crate::counted::{Counted, Counts};
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

impl Link {
    /// Both ends of a new stream.
    pub async fn pair(self) -> Result<(Stream, Stream)> {
        match self {
            Self::Unix => {
                let (one, other) = UnixStream::pair()?;
                Ok((Either::Unix(one), Either::Unix(other)))
            }
            Self::Tcp => {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                let (one, other) = tokio::join!(TcpStream::connect(address), listener.accept());
                let (one, (other, _)) = (one?, other?);
                one.set_nodelay(true)?;
                other.set_nodelay(true)?;
                Ok((Either::Tcp(one), Either::Tcp(other)))
            }
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
        })
    }
}

/// Both ends of a stream in memory.
pub fn memory_pair() -> (Stream, Stream) {
    let (one, other) = tokio::io::duplex(MEMORY);
    (Either::Memory(one), Either::Memory(other))
}

/// Both ends of a Unix socket, the first of which counts.
pub fn counted_pair() -> Result<(Stream, Stream, Arc<Counts>)> {
    let (one, other) = UnixStream::pair()?;
    let (one, counts) = Counted::new(one);
    Ok((Either::Counted(one), Either::Unix(other), counts))
}

/// One end of a stream.
pub type Stream = Either<UnixStream, TcpStream, DuplexStream>;

/// What reads of a stream.
pub type Reader = Either<unix::OwnedReadHalf, tcp::OwnedReadHalf, ReadHalf<DuplexStream>>;

/// What writes of a stream.
pub type Writer = Either<unix::OwnedWriteHalf, tcp::OwnedWriteHalf, WriteHalf<DuplexStream>>;

/// A stream or its half, over one of what there is.
#[derive(Debug)]
pub enum Either<U, T, M> {
    /// A Unix socket.
    Unix(U),
    /// A TCP connection.
    Tcp(T),
    /// Memory.
    Memory(M),
    /// A Unix socket that counts.
    Counted(Counted<U>),
}

impl Stream {
    /// The halves. Those of sockets need not lock between them.
    pub fn halves(self) -> (Reader, Writer) {
        match self {
            Self::Unix(stream) => {
                let (reader, writer) = stream.into_split();
                (Either::Unix(reader), Either::Unix(writer))
            }
            Self::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                (Either::Tcp(reader), Either::Tcp(writer))
            }
            Self::Memory(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                (Either::Memory(reader), Either::Memory(writer))
            }
            Self::Counted(counted) => {
                let (reader, writer) = counted.map_both(UnixStream::into_split);
                (Either::Counted(reader), Either::Counted(writer))
            }
        }
    }
}

/// Hands a poll to whatever it is.
macro_rules! either {
    ($this:ident, $inner:ident => $poll:expr) => {
        match $this.get_mut() {
            Either::Unix($inner) => $poll,
            Either::Tcp($inner) => $poll,
            Either::Memory($inner) => $poll,
            Either::Counted($inner) => $poll,
        }
    };
}

impl<U, T, M> AsyncRead for Either<U, T, M>
where
    U: AsyncRead + Unpin,
    T: AsyncRead + Unpin,
    M: AsyncRead + Unpin,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_read(cx, buffer))
    }
}

impl<U, T, M> AsyncWrite for Either<U, T, M>
where
    U: AsyncWrite + Unpin,
    T: AsyncWrite + Unpin,
    M: AsyncWrite + Unpin,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => Pin::new(inner).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => Pin::new(inner).poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Unix(inner) => inner.is_write_vectored(),
            Self::Tcp(inner) => inner.is_write_vectored(),
            Self::Memory(inner) => inner.is_write_vectored(),
            Self::Counted(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_shutdown(cx))
    }
}
