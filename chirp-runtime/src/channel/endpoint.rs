use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use super::{Channel, Listener, tcp, unix};

/// An address in words: `tcp://host:port`, `unix:///path`, or one of the bare forms.
///
/// Bare, `host:port` and a port alone are TCP, and everything else is the path of a Unix socket.
///
/// ```
/// use chirp_runtime::channel::Endpoint;
///
/// let tcp: Endpoint = "localhost:9000".parse()?;
/// assert_eq!(tcp.to_string(), "tcp://localhost:9000");
/// let unix: Endpoint = "/run/arith.sock".parse()?;
/// assert_eq!(unix.to_string(), "unix:///run/arith.sock");
/// # Ok::<_, chirp_runtime::channel::EndpointError>(())
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
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the address.
    pub async fn connect(&self) -> io::Result<Channel> {
        match self {
            Self::Tcp { host, port } => tcp::connect(host, port).await,
            Self::Unix(path) => unix::connect(path).await,
        }
        .map_err(|error| self.explain("connect to", &error))
    }

    /// Listens.
    ///
    /// A Unix socket's file that nobody answers on is replaced, and the listener removes its own.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the address.
    pub async fn listen(&self) -> io::Result<Box<dyn Listener>> {
        match self {
            Self::Tcp { host, port } => tcp::listen(host, port).await.map(|tcp| Box::new(tcp) as _),
            Self::Unix(path) => unix::listen(path).await.map(|unix| Box::new(unix) as _),
        }
        .map_err(|error| self.explain("listen on", &error))
    }

    fn explain(&self, verb: &str, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot {verb} {self}: {error}"))
    }

    /// Reads the bare forms as the Go implementation does: a port that could be a port, and a host that
    /// could not be a path.
    fn parse_bare(text: &str) -> Self {
        let is_port = |port: &str| {
            !port.is_empty() && port.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
            return Self::Tcp {
                host: String::new(),
                port: text.into(),
            };
        }
        match text.rsplit_once(':') {
            Some((host, port)) if is_port(port) && !host.contains('/') => Self::Tcp {
                host: unbracketed(host).into(),
                port: port.into(),
            },
            _ => Self::Unix(text.into()),
        }
    }
}

/// An IPv6 address stands in brackets where a port follows.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let refuse = |why| {
            Err(EndpointError {
                text: text.into(),
                why,
            })
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::parse_bare(text));
        };
        match scheme {
            "tcp" => match rest.rsplit_once(':') {
                Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains('/') => {
                    Ok(Self::Tcp {
                        host: unbracketed(host).into(),
                        port: port.into(),
                    })
                }
                _ => refuse("a TCP address is tcp://host:port, with a port number up to 65535"),
            },
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => refuse("a Unix address is unix:///absolute/path, with three slashes"),
            _ => refuse("the known schemes are tcp:// and unix://"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{}", tcp::authority(host, port)),
            Self::Unix(path) if path.is_absolute() => write!(f, "unix://{}", path.display()),
            // Only its bare form can be read back.
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<&String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<&Endpoint> for Endpoint {
    type Error = EndpointError;

    fn try_from(endpoint: &Endpoint) -> Result<Self, EndpointError> {
        Ok(endpoint.clone())
    }
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: {why}")]
pub struct EndpointError {
    text: String,
    why: &'static str,
}

impl From<std::convert::Infallible> for EndpointError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<EndpointError> for io::Error {
    fn from(error: EndpointError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
