mod parse;
mod process;
pub(crate) mod secure;
mod words;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;

use super::{Channel, Connector, InprocError, InprocListener, InprocStream, Listener, tcp, unix};

pub use parse::EndpointError;

/// An address in words.
///
/// | address | what it is | connect | listen |
/// |---|---|---|---|
/// | `tcp://host:port` | a TCP port; without a host, this one | yes | yes |
/// | `tls://host:port` | a TCP port, with TLS (feature `tls`) | yes | yes |
/// | `unix:///path` | a Unix socket; `?mode=660` after it sets its permissions | yes | yes |
/// | `unix://./path` | the same, from the current directory on | yes | yes |
/// | `unix://@name` | a Unix socket without a file, of Linux | yes | yes |
/// | `inproc://name` | a name within this process | yes | yes |
/// | `exec:program args` | a child process, over its input and output (feature `process`) | yes | |
/// | `stdio:` | this process's own input and output (feature `process`); or, listening, a socket that listens there | yes | once, or yes |
/// | `fd:3,4` | inherited descriptors, to read and to write (feature `process`) | yes | once |
/// | `fd:3` | an inherited socket, which is connected or listens (feature `process`) | yes | yes |
///
/// An IPv6 address stands in brackets, and its zone behind `%25`: `tcp://[fe80::1%25eth0]:9000`. In the bare form the zone
/// is written as everywhere else: `[fe80::1%eth0]:9000`.
///
/// Bare, `host:port` and a port alone are TCP, `@name` is a Unix socket without a file, and everything else
/// is the path of a Unix socket, `?mode=` included, unless it is an IP address or `localhost` without a port. Listening *once* gives one channel and no more.
///
/// What `fd:` names stays open under its number as long as this process lives, and can be used once. So when a
/// channel over inherited pipes closes, the other side sees it with the end of this process; a socket is shut
/// down, which is seen at once. It needs Linux 5.6.
///
/// What a child of `exec:` prints to its standard error appears on this process's own. If the child fails, or ends
/// without a word, the connection's error has its exit status and the end of that.
///
/// In `exec:`, words are parted by spaces, and quotes and backslashes protect spaces as in a shell; nothing
/// else has a meaning. **Whoever chooses such an address chooses a program to run**: take addresses from
/// those who may do that, or look at what was parsed.
///
/// The text that an endpoint prints is read back as the same endpoint. Exceptions are paths that are not UTF-8, and
/// relative paths with `?mode=` in them that look like an address of another kind, such as `@x?mode=`.
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
        /// A name or an address. Empty stands for this host: the loopback interface to connect to, and
        /// every interface to listen on.
        host: String,
        /// The port's number.
        port: String,
    },
    /// A TCP port, with TLS.
    Tls {
        /// A name or an address, as for TCP: the name that the server's certificate is for.
        host: String,
        /// The port's number.
        port: String,
    },
    /// A Unix socket.
    Unix {
        /// Its file.
        path: PathBuf,
        /// The permissions of the file that a listener makes, such as `0o660`; without them, what the
        /// process's umask leaves.
        mode: Option<u32>,
    },
    /// A Unix socket in the abstract namespace of Linux: without a file, and without permissions.
    Abstract(String),
    /// A name within this process.
    Inproc(String),
    /// A child process, over its standard input and output.
    Exec {
        /// The program, which is looked for in `PATH`.
        program: String,
        /// Its arguments.
        args: Vec<String>,
    },
    /// This process's own standard input and output.
    Stdio,
    /// Descriptors that this process was started with.
    Fd {
        /// What is read from.
        read: i32,
        /// What is written to; the same number is a socket.
        write: i32,
    },
}

type ListenFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Listener>>> + Send + 'a>>;

impl Endpoint {
    /// Connects.
    ///
    /// For `tls://host:port` this believes the authorities that the system believes, which are read for it; what
    /// else is wanted is said with `TlsClient::connector`, or `PeerBuilder::tls`.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the address.
    pub async fn connect(&self) -> io::Result<Channel> {
        self.connect_with(None).await
    }

    /// As [`connect`](Self::connect), with settings for `tls://`.
    pub(crate) async fn connect_with(
        &self,
        tls: Option<&secure::ClientTls>,
    ) -> io::Result<Channel> {
        match self {
            Self::Tcp { host, port } => tcp::connect(host, port).await,
            Self::Tls { host, port } => secure::connect(host, port, tls).await,
            Self::Unix { path, .. } => unix::connect(path).await,
            Self::Abstract(name) => unix::connect_abstract(name).await,
            Self::Inproc(name) => InprocStream::connect(name).await.map(Channel::from),
            Self::Exec { program, args } => process::exec(program, args),
            Self::Stdio => process::stdio(),
            Self::Fd { read, write } => process::inherited(*read, *write),
        }
        .map(|channel| match channel.remote() {
            // The operating system knows better.
            Some(_) => channel,
            None => channel.with_remote(self.clone()),
        })
        .map_err(|error| self.explain("connect to", error))
    }

    /// Listens.
    ///
    /// A Unix socket's file that nobody answers on is replaced, and the listener removes its own. `tls://` needs a
    /// certificate or a key: it is listened on with `ServerBuilder::tls`.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the address.
    pub async fn listen(&self) -> io::Result<Box<dyn Listener>> {
        self.listen_with(None).await
    }

    /// As [`listen`](Self::listen), with settings for `tls://`.
    pub(crate) async fn listen_with(
        &self,
        tls: Option<&secure::ServerTls>,
    ) -> io::Result<Box<dyn Listener>> {
        self.listen_here(tls)
            .await
            .map_err(|error| self.explain("listen on", error))
    }

    /// What is in the box is compiled once and not where it is called.
    fn listen_here<'a>(&'a self, tls: Option<&'a secure::ServerTls>) -> ListenFuture<'a> {
        Box::pin(async move {
            Ok::<Box<dyn Listener>, io::Error>(match self {
                Self::Tcp { host, port } => Box::new(tcp::listen(host, port).await?),
                Self::Tls { host, port } => secure::listen(host, port, tls).await?,
                Self::Unix { path, mode } => Box::new(unix::listen(path, *mode).await?),
                Self::Abstract(name) => Box::new(unix::listen_abstract(name)?),
                Self::Inproc(name) => Box::new(InprocListener::bind(name)?),
                Self::Stdio => process::listen_stdio()?,
                Self::Fd { read, write } => process::listen_inherited(*read, *write)?,
                Self::Exec { .. } => {
                    let what = "a child process is connected to, and listens on stdio: itself";
                    return Err(io::Error::new(io::ErrorKind::Unsupported, what));
                }
            })
        })
    }

    fn explain(&self, verb: &str, error: io::Error) -> io::Error {
        match InprocError::of(&error) {
            // It names the address, and has a type.
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

    /// What was meant where a bare text is a path only because it can be nothing else.
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

    /// The same place with TLS, where it is a TCP port.
    #[cfg(feature = "tls")]
    pub(super) fn over_tls(self) -> Self {
        match self {
            Self::Tcp { host, port } => Self::Tls { host, port },
            other => other,
        }
    }
}

/// An address in the text of an error.
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

/// An error whose text names the address, and contains that of the error inside. That error is no `source`, so that
/// nothing is printed twice.
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
