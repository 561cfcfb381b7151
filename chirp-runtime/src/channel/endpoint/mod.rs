mod error;
mod other;
mod parse;
mod process;
mod scheme_table;
pub(crate) mod secure;
mod words;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;

use super::{Channel, Connector, InprocError, InprocListener, InprocStream, Listener, tcp, unix};

pub use error::EndpointError;
pub use other::OtherAddress;
pub(crate) use scheme_table::SchemeTable;

/// An address in text form.
///
/// | address | meaning | connect | listen |
/// |---|---|---|---|
/// | `tcp://host:port` | a TCP port; without a host, on this machine | yes | yes |
/// | `tls://host:port` | a TCP port with TLS (feature `tls`) | yes | yes |
/// | `unix:///path` | a Unix socket; `?mode=660` sets its permissions | yes | yes |
/// | `unix://./path` | a Unix socket, relative to the current directory | yes | yes |
/// | `unix://@name` | a Unix socket in the abstract namespace (Linux) | yes | yes |
/// | `inproc://name` | a name within this process | yes | yes |
/// | `exec:program args` | a child process, over its standard input and output (feature `process`) | yes | |
/// | `stdio:` | standard input and output (feature `process`); if standard input is a listening socket, that socket | yes | once, or yes |
/// | `fd:3,4` | inherited descriptors, to read from and to write to (feature `process`) | yes | once |
/// | `fd:3` | an inherited socket, connected or listening (feature `process`) | yes | yes |
/// | `ws://host/path`, `jsonrpc+stdio:` | a [`Scheme`](super::Scheme) that is registered with a builder | as it says | as it says |
///
/// IPv6 addresses are written in brackets, with a zone after `%25`: `tcp://[fe80::1%25eth0]:9000`. Without a
/// scheme, the zone follows a plain `%`: `[fe80::1%eth0]:9000`.
///
/// A scheme is a letter, followed by letters, digits, `+`, `-` and `.`, in upper or lower case. A text begins with a scheme
/// if `://` follows, or if the scheme contains a `+` and a colon follows: `foo:80` is a host and a port, and `a+b:c` an
/// address of the scheme `a+b`. `exec:`, `stdio:` and `fd:` are written in lower case. A path that looks like an address is
/// written as `unix:///path` or `unix://./path`. An address whose scheme is not built in can be parsed and printed by every
/// program, and used where the scheme is registered: `.scheme(..)` of `PeerBuilder`, `ServerBuilder` and `NodeBuilder`.
///
/// Without a scheme, `host:port` and a port alone mean TCP, and `@name` means an abstract Unix socket. An IP
/// address or `localhost` without a port is an error. Any other text is the path of a Unix socket, which may end
/// with `?mode=`.
///
/// Listening *once* yields one channel and then ends.
///
/// A descriptor given to `fd:` stays open under its number for as long as this process runs, and can be used once.
/// Closing a channel over inherited pipes is therefore noticed by the other side only when this process exits; a
/// socket is shut down, which is noticed at once. `fd:` needs Linux 5.6.
///
/// The standard error of an `exec:` child is copied to the standard error of this process. If the child fails, or
/// exits without writing anything, the connection's error includes its exit status and the end of its standard
/// error.
///
/// In `exec:`, words are separated by spaces; quotes and backslashes protect spaces as in a shell, and no other
/// character is special. **An `exec:` address runs a program**: accept such addresses from trusted sources only, or
/// check the parsed value.
///
/// `Display` prints a text that parses to the same endpoint. The exceptions are paths that are not UTF-8, and
/// relative paths that contain `?mode=` and look like another kind of address, such as `@x?mode=`.
///
/// ```
/// # use chirp_runtime as chirp;
/// use chirp::channel::Endpoint;
///
/// let tcp: Endpoint = "localhost:9000".parse()?;
/// assert_eq!(tcp.to_string(), "tcp://localhost:9000");
/// let unix: Endpoint = "/run/arith.sock".parse()?;
/// assert_eq!(unix.to_string(), "unix:///run/arith.sock");
/// let child: Endpoint = "exec:worker --name 'Ann Lee'".parse()?;
/// assert_eq!(child.to_string(), "exec:worker --name 'Ann Lee'");
/// # Ok::<_, chirp::channel::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// The host name or IP address. An empty host means the loopback interface when connecting, and all
        /// interfaces when listening.
        host: String,
        /// The port number.
        port: String,
    },
    /// A TCP port with TLS.
    Tls {
        /// The host name or IP address, as for TCP. The certificate of the server must be valid for it.
        host: String,
        /// The port number.
        port: String,
    },
    /// A Unix socket.
    Unix {
        /// The path of the socket.
        path: PathBuf,
        /// The permissions of the file that a listener creates, such as `0o660`. `None` leaves them to the umask of
        /// the process.
        mode: Option<u32>,
    },
    /// A Unix socket in the abstract namespace of Linux, which has neither a file nor permissions.
    Abstract(String),
    /// A name within this process.
    Inproc(String),
    /// A child process, over its standard input and output.
    Exec {
        /// The program, which is searched for in `PATH`.
        program: String,
        /// The arguments of the program.
        args: Vec<String>,
    },
    /// The standard input and output of this process.
    Stdio,
    /// Descriptors that this process inherited.
    Fd {
        /// The descriptor to read from.
        read: i32,
        /// The descriptor to write to. Equal to `read` for a socket.
        write: i32,
    },
    /// An address whose scheme is registered with a builder.
    Other(OtherAddress),
}

type ListenFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Listener>>> + Send + 'a>>;

impl Endpoint {
    /// Connects to this address.
    ///
    /// `tls://host:port` trusts the certificate authorities of the system, which are loaded for each connection.
    /// Use `TlsClient::connector` or `PeerBuilder::tls` for other settings. Addresses of other schemes need a builder.
    ///
    /// Dropping the future abandons the attempt. The attempt has no time limit of its own.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, of the TLS handshake (`TlsError`) or of the in-process registry
    /// ([`InprocError`]). The message contains the address. Returns [`Unsupported`](io::ErrorKind::Unsupported) if
    /// the address needs a feature that this program was built without.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub async fn connect(&self) -> io::Result<Channel> {
        self.connect_with(None, &SchemeTable::default()).await
    }

    /// Connects as [`connect`](Self::connect) does, with settings for `tls://` and with further schemes.
    pub(crate) async fn connect_with(
        &self,
        tls: Option<&secure::ClientTls>,
        schemes: &SchemeTable,
    ) -> io::Result<Channel> {
        schemes.check(self)?;
        match self {
            Self::Tcp { host, port } => tcp::connect(host, port).await,
            Self::Tls { host, port } => secure::connect(host, port, tls).await,
            Self::Unix { path, .. } => unix::connect(path).await,
            Self::Abstract(name) => unix::connect_abstract(name).await,
            Self::Inproc(name) => InprocStream::connect(name).await.map(Channel::from),
            Self::Exec { program, args } => process::exec(program, args),
            Self::Stdio => process::stdio(),
            Self::Fd { read, write } => process::inherited(*read, *write),
            Self::Other(address) => schemes.connect(address).await,
        }
        .map(|channel| match channel.remote() {
            // The operating system reports the actual address.
            Some(_) => channel,
            None => channel.with_remote(self.clone()),
        })
        .map_err(|error| self.explain("connect to", error))
    }

    /// Listens on this address.
    ///
    /// A Unix socket file that no process listens on is replaced, and the listener removes its file when it is
    /// dropped. `tls://` needs a certificate or a key: use `ServerBuilder::tls`. Addresses of other schemes need a builder.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, such as [`AddrInUse`](io::ErrorKind::AddrInUse). The message
    /// contains the address. Returns [`Unsupported`](io::ErrorKind::Unsupported) for `exec:`, and if the address
    /// needs a feature that this program was built without.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub async fn listen(&self) -> io::Result<Box<dyn Listener>> {
        self.listen_with(None, &SchemeTable::default()).await
    }

    /// Listens as [`listen`](Self::listen) does, with settings for `tls://` and with further schemes.
    pub(crate) async fn listen_with(
        &self,
        tls: Option<&secure::ServerTls>,
        schemes: &SchemeTable,
    ) -> io::Result<Box<dyn Listener>> {
        schemes.check(self)?;
        self.listen_here(tls, schemes)
            .await
            .map_err(|error| self.explain("listen on", error))
    }

    /// Boxed so that the future is compiled once, and not in each crate that calls this function.
    fn listen_here<'a>(
        &'a self,
        tls: Option<&'a secure::ServerTls>,
        schemes: &'a SchemeTable,
    ) -> ListenFuture<'a> {
        Box::pin(async move {
            Ok::<Box<dyn Listener>, io::Error>(match self {
                Self::Tcp { host, port } => Box::new(tcp::listen(host, port).await?),
                Self::Tls { host, port } => secure::listen(host, port, tls).await?,
                Self::Unix { path, mode } => Box::new(unix::listen(path, *mode).await?),
                Self::Abstract(name) => Box::new(unix::listen_abstract(name)?),
                Self::Inproc(name) => Box::new(InprocListener::bind(name)?),
                Self::Stdio => process::listen_stdio()?,
                Self::Fd { read, write } => process::listen_inherited(*read, *write)?,
                Self::Other(address) => schemes.listen(address).await?,
                Self::Exec { .. } => {
                    let what = "exec: can only be connected to: the child listens on stdio:";
                    return Err(io::Error::new(io::ErrorKind::Unsupported, what));
                }
            })
        })
    }

    /// Adds the operation and the address to an error, and a hint if the address may be misread.
    fn explain(&self, verb: &str, error: io::Error) -> io::Error {
        match InprocError::of(&error) {
            // This error names the address already and has a type of its own.
            Some(_) => error,
            None => io::Error::new(
                error.kind(),
                Explained {
                    text: format!("cannot {verb} {}: {error}{}", Shown(self), self.hint()),
                    error,
                },
            ),
        }
    }

    /// Returns a hint for a text without a scheme that was taken for a path because it fits no other form.
    fn hint(&self) -> &'static str {
        match self {
            Self::Unix { path, mode: None } if path.as_os_str().is_empty() => {
                " (an address is tcp://host:port or unix:///path, for example)"
            }
            Self::Unix { path, mode: None }
                if path.is_relative() && !path.as_os_str().as_encoded_bytes().contains(&b'/') =>
            {
                " (without a port, this is taken for the path of a Unix socket; a TCP address is host:port)"
            }
            _ => "",
        }
    }

    /// Turns a TCP address into the same address with TLS. Other addresses stay unchanged.
    #[cfg(feature = "tls")]
    pub(super) fn over_tls(self) -> Self {
        match self {
            Self::Tcp { host, port } => Self::Tls { host, port },
            other => other,
        }
    }
}

/// Displays an address in an error message.
struct Shown<'a>(&'a Endpoint);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Endpoint::Unix { path, mode: None } if path.as_os_str().is_empty() => {
                f.write_str("the empty address")
            }
            endpoint => endpoint.fmt(f),
        }
    }
}

/// An error whose message contains the address and the text of the inner error, which is not a `source` as well: it
/// would be printed twice.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Explained {
    text: String,
    pub(super) error: io::Error,
}

#[async_trait]
impl Connector for Endpoint {
    async fn connect(&self) -> io::Result<Channel> {
        Self::connect(self).await
    }
}
