use std::fmt;
use std::io;
use std::str::FromStr;

use super::{Endpoint, words};
use crate::channel::tcp;

/// What stands between the path of a Unix socket and its permissions.
const MODE: &str = "?mode=";

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let parsed = if let Some((scheme, rest)) = text.split_once("://") {
            match scheme {
                "tcp" => parse_tcp(rest),
                "tls" => parse_tls(rest),
                "unix" => parse_unix(rest),
                "inproc" => parse_inproc(rest),
                "exec" | "stdio" | "fd" => Err("exec:, stdio: and fd: have no slashes"),
                _ => Err(
                    "the known schemes are tcp://, tls://, unix://, inproc://, exec:, stdio: and fd:, \
                     and a path with :// in it is written unix:///path",
                ),
            }
        } else if let Some(command) = text.strip_prefix("exec:") {
            parse_exec(command)
        } else if let Some(numbers) = text.strip_prefix("fd:") {
            parse_fd(numbers)
        } else if text == "stdio:" {
            Ok(Self::Stdio)
        } else {
            Ok(parse_bare(text))
        };
        parsed.map_err(|why| EndpointError {
            text: text.into(),
            why,
        })
    }
}

fn parse_tcp(rest: &str) -> Result<Endpoint, &'static str> {
    match rest.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && is_host(host) => Ok(Endpoint::Tcp {
            host: unbracketed(host).into(),
            port: port.into(),
        }),
        _ => Err(
            "a TCP address is tcp://host:port, with a port number up to 65535 \
             and an IPv6 address in [brackets]",
        ),
    }
}

fn parse_tls(rest: &str) -> Result<Endpoint, &'static str> {
    match parse_tcp(rest) {
        Ok(Endpoint::Tcp { host, port }) => Ok(Endpoint::Tls { host, port }),
        _ => Err(
            "an address with TLS is tls://host:port, with a port number up to 65535 \
             and an IPv6 address in [brackets]",
        ),
    }
}

/// Without brackets, the last part of an IPv6 address would be taken for the port.
fn is_host(host: &str) -> bool {
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    !host.contains('/') && (is_bracketed || !host.contains(':'))
}

fn parse_unix(rest: &str) -> Result<Endpoint, &'static str> {
    if let Some(name) = rest.strip_prefix('@') {
        return parse_abstract(name);
    }
    if !rest.starts_with('/') {
        return Err("a Unix address is unix:///absolute/path, with three slashes, or unix://@name");
    }
    let Some((path, mode)) = rest.rsplit_once(MODE) else {
        return Ok(unix(rest));
    };
    match u32::from_str_radix(mode, 8) {
        Ok(mode) if mode <= 0o777 => Ok(Endpoint::Unix {
            path: path.into(),
            mode: Some(mode),
        }),
        _ => Err("the permissions of a socket are octal, such as unix:///path?mode=660"),
    }
}

fn parse_abstract(name: &str) -> Result<Endpoint, &'static str> {
    if name.is_empty() {
        return Err("a Unix socket without a file is unix://@name, and the name is missing");
    }
    Ok(Endpoint::Abstract(name.into()))
}

fn parse_inproc(name: &str) -> Result<Endpoint, &'static str> {
    if name.is_empty() {
        return Err("an address in this process is inproc://name, and the name is missing");
    }
    Ok(Endpoint::Inproc(name.into()))
}

fn parse_exec(command: &str) -> Result<Endpoint, &'static str> {
    let mut words = words::split(command)?.into_iter();
    Ok(Endpoint::Exec {
        program: words
            .next()
            .filter(|program| !program.is_empty())
            .ok_or("a child process is exec:program args, and the program is missing")?,
        args: words.collect(),
    })
}

fn parse_fd(numbers: &str) -> Result<Endpoint, &'static str> {
    let (read, write) = numbers.split_once(',').unwrap_or((numbers, numbers));
    let number = |text: &str| text.parse().ok().filter(|&number: &i32| number >= 0);
    match (number(read), number(write)) {
        (Some(read), Some(write)) => Ok(Endpoint::Fd { read, write }),
        _ => Err("descriptors are fd:3,4, to read and to write, or fd:3 for a socket"),
    }
}

/// Reads the bare forms as the Go implementation does: a port that could be a port, and a host that could
/// not be a path. As there, a path that begins with `@` is no file.
fn parse_bare(text: &str) -> Endpoint {
    let is_port = |port: &str| {
        !port.is_empty() && port.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return Endpoint::Tcp {
            host: String::new(),
            port: text.into(),
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.contains('/') => Endpoint::Tcp {
            host: unbracketed(host).into(),
            port: port.into(),
        },
        _ => match text.strip_prefix('@') {
            Some(name) if !name.is_empty() => Endpoint::Abstract(name.into()),
            _ => unix(text),
        },
    }
}

fn unix(path: &str) -> Endpoint {
    Endpoint::Unix {
        path: path.into(),
        mode: None,
    }
}

/// An IPv6 address stands in brackets where a port follows.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A port by its name has the bare form only.
            Self::Tcp { host, port } if port.parse::<u16>().is_err() => {
                f.write_str(&tcp::authority(host, port))
            }
            Self::Tcp { host, port } => write!(f, "tcp://{}", tcp::authority(host, port)),
            Self::Tls { host, port } => write!(f, "tls://{}", tcp::authority(host, port)),
            Self::Unix { path, mode } if path.is_absolute() => {
                write!(f, "unix://{}", path.display())?;
                mode.map_or(Ok(()), |mode| write!(f, "{MODE}{mode:o}"))
            }
            // Only its bare form can be read back.
            Self::Unix { path, .. } => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "unix://@{name}"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
            Self::Exec { program, args } => {
                f.write_str("exec:")?;
                words::write(f, program)?;
                args.iter().try_for_each(|arg| {
                    f.write_str(" ")?;
                    words::write(f, arg)
                })
            }
            Self::Stdio => f.write_str("stdio:"),
            Self::Fd { read, write } if read == write => write!(f, "fd:{read}"),
            Self::Fd { read, write } => write!(f, "fd:{read},{write}"),
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
