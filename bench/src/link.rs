//! The transports that systems are connected over.
//!
//! One type for all transports, so that generic code is compiled once. The dispatch costs the same branch for every
//! system.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream, tcp, unix};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::counted::{Counted, Counts};
use crate::system::Result;

/// The server name in the TLS certificate.
const HOST: &str = "bench.test";

/// The capacity of the in-memory stream, in bytes per direction.
const MEMORY: usize = 64 << 10;

/// A kind of transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A Unix socket.
    Unix,
    /// TCP over the loopback interface, with `TCP_NODELAY`.
    Tcp,
    /// TLS 1.3 over TCP, by rustls, for every system the same.
    Tls,
}

impl Link {
    /// Creates a connected pair of streams.
    pub async fn pair(self) -> Result<(Stream, Stream)> {
        match self {
            Self::Unix => {
                let (one, other) = UnixStream::pair()?;
                Ok((Either::Unix(one), Either::Unix(other)))
            }
            Self::Tcp => {
                let (one, other) = tcp_pair().await?;
                Ok((Either::Tcp(one), Either::Tcp(other)))
            }
            Self::Tls => {
                let (one, other) = tcp_pair().await?;
                let (one, other) = encrypted(one, other).await?;
                Ok((Either::Tls(one), Either::Tls(other)))
            }
        }
    }
}

async fn tcp_pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (one, other) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (one, (other, _)) = (one?, other?);
    one.set_nodelay(true)?;
    other.set_nodelay(true)?;
    Ok((one, other))
}

/// Creates a TLS connection over TCP, with a new certificate.
async fn encrypted(one: TcpStream, other: TcpStream) -> Result<(Encrypted, Encrypted)> {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let server = ServerConfig::builder_with_protocol_versions(&[&TLS13])
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let client = ClientConfig::builder_with_protocol_versions(&[&TLS13])
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = ServerName::try_from(HOST)?;
    let (one, other) = tokio::try_join!(
        TlsConnector::from(Arc::new(client)).connect(host, one),
        TlsAcceptor::from(Arc::new(server)).accept(other),
    )?;
    Ok((Box::new(one.into()), Box::new(other.into())))
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

/// Creates an in-memory pair of streams.
pub fn memory_pair() -> (Stream, Stream) {
    let (one, other) = tokio::io::duplex(MEMORY);
    (Either::Memory(one), Either::Memory(other))
}

/// Creates a pair of Unix sockets, the first of which counts.
pub fn counted_pair() -> Result<(Stream, Stream, Arc<Counts>)> {
    let (one, other) = UnixStream::pair()?;
    let (one, counts) = Counted::new(one);
    Ok((Either::Counted(one), Either::Unix(other), counts))
}

/// One end of a TLS connection.
pub type Encrypted = Box<TlsStream<TcpStream>>;

/// One end of a stream.
pub type Stream = Either<UnixStream, TcpStream, DuplexStream, Encrypted>;

/// The reading half of a stream.
pub type Reader =
    Either<unix::OwnedReadHalf, tcp::OwnedReadHalf, ReadHalf<DuplexStream>, ReadHalf<Encrypted>>;

/// The writing half of a stream.
pub type Writer = Either<
    unix::OwnedWriteHalf,
    tcp::OwnedWriteHalf,
    WriteHalf<DuplexStream>,
    WriteHalf<Encrypted>,
>;

/// A stream or half of a stream, over one of the transports.
#[derive(Debug)]
pub enum Either<U, T, M, E> {
    /// A Unix socket.
    Unix(U),
    /// A TCP connection.
    Tcp(T),
    /// Memory.
    Memory(M),
    /// A TLS connection over TCP.
    Tls(E),
    /// A Unix socket with counters.
    Counted(Counted<U>),
}

impl Stream {
    /// Splits the stream. Halves of sockets need no lock.
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
            Self::Tls(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                (Either::Tls(reader), Either::Tls(writer))
            }
            Self::Counted(counted) => {
                let (reader, writer) = counted.map_both(UnixStream::into_split);
                (Either::Counted(reader), Either::Counted(writer))
            }
        }
    }
}

/// Dispatches a poll to the transport.
macro_rules! either {
    ($this:ident, $inner:ident => $poll:expr) => {
        match $this.get_mut() {
            Either::Unix($inner) => $poll,
            Either::Tcp($inner) => $poll,
            Either::Memory($inner) => $poll,
            Either::Tls($inner) => $poll,
            Either::Counted($inner) => $poll,
        }
    };
}

impl<U, T, M, E> AsyncRead for Either<U, T, M, E>
where
    U: AsyncRead + Unpin,
    T: AsyncRead + Unpin,
    M: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_read(cx, buffer))
    }
}

impl<U, T, M, E> AsyncWrite for Either<U, T, M, E>
where
    U: AsyncWrite + Unpin,
    T: AsyncWrite + Unpin,
    M: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
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
            Self::Tls(inner) => inner.is_write_vectored(),
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
