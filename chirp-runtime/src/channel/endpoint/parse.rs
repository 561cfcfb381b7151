use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Endpoint, words};

/// What stands between the path of a Unix socket and its permissions.
const MODE: &str = "?mode=";

/// What a relative path begins with behind `unix://`. It is no part of the path.
const RELATIVE: &str = "./";

/// What the zone of an IPv6 address begins with, and how a URL has to write that (RFC 6874).
const ZONE: &str = "%";
const URL_ZONE: &str = "%25";

const NO_SLASHES: &str = "exec:, stdio: and fd: have no slashes";

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        parse(text).map_err(|why| EndpointError {
            text: text.into(),
            why,
        })
    }
}

fn parse(text: &str) -> Result<Endpoint, &'static str> {
    // A command may have any text in it, so it is looked for first.
    if let Some(command) = text.strip_prefix("exec:") {
        return parse_exec(command);
    }
    match text.split_once("://") {
        Some(("tcp", rest)) => return parse_tcp(rest),
        Some(("tls", rest)) => return parse_tls(rest),
        Some(("unix", rest)) => return parse_unix(rest),
        Some(("inproc", rest)) => return parse_inproc(rest),
        Some(("stdio" | "fd", _)) => return Err(NO_SLASHES),
        // No scheme has a slash in it: this is the path of a file.
        Some((scheme, _)) if !scheme.contains('/') => {
            return Err(
                "the known schemes are tcp://, tls://, unix://, inproc://, exec:, stdio: and fd:, \
                 and a path with :// in it is written unix:///path",
            );
        }
        _ => {}
    }
    match text.split_once(':') {
        Some(("fd", numbers)) => parse_fd(numbers),
        Some(("stdio", "")) => Ok(Endpoint::Stdio),
        // A host may have such a name, where a port follows.
        Some((scheme, rest)) if !is_number(rest) => match scheme {
            "unix" => {
                Err("a Unix address is unix:///absolute/path, with three slashes, or unix://@name")
            }
            "tcp" => Err("a TCP address is tcp://host:port, with two slashes"),
            "tls" => Err("an address with TLS is tls://host:port, with two slashes"),
            "inproc" => Err("an address in this process is inproc://name, with two slashes"),
            _ => parse_bare(text),
        },
        _ => parse_bare(text),
    }
}

fn parse_tcp(rest: &str) -> Result<Endpoint, &'static str> {
    match rest.rsplit_once(':') {
        Some((host, port)) if is_port_number(port) && is_host(host) => {
            let host = match unbracketed(host) {
                Some(address) => without_url_zone(address)?,
                None => host.into(),
            };
            Ok(Endpoint::Tcp {
                host,
                port: port.into(),
            })
        }
        _ => Err(
            "a TCP address is tcp://host:port, with a port number up to 65535 \
             and an IPv6 address in [brackets]",
        ),
    }
}

fn parse_tls(rest: &str) -> Result<Endpoint, &'static str> {
    match parse_tcp(rest) {
        Ok(Endpoint::Tcp { host, port }) => Ok(Endpoint::Tls { host, port }),
        Err(zone @ WRONG_ZONE) => Err(zone),
        _ => Err(
            "an address with TLS is tls://host:port, with a port number up to 65535 \
             and an IPv6 address in [brackets]",
        ),
    }
}

const WRONG_ZONE: &str = "the zone of an IPv6 address follows %25, as in tcp://[fe80::1%25eth0]:9000 \
                                or, without a scheme, [fe80::1%eth0]:9000";

/// An address as it stands in the brackets of a URL, with its zone as it stands elsewhere.
fn without_url_zone(address: &str) -> Result<String, &'static str> {
    match address.split_once(ZONE) {
        None => Ok(address.into()),
        Some((address, zone)) => match zone.strip_prefix("25") {
            Some(zone) if !zone.is_empty() => Ok(format!("{address}{ZONE}{zone}")),
            _ => Err(WRONG_ZONE),
        },
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_port_number(port: &str) -> bool {
    is_number(port) && port.parse::<u16>().is_ok()
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
    let path = rest.strip_prefix(RELATIVE).unwrap_or(rest);
    if path.len() == rest.len() && !rest.starts_with('/') {
        return Err("a Unix address is unix:///absolute/path, with three slashes, or unix://@name");
    }
    let (path, mode) = match path.rsplit_once(MODE) {
        Some((path, mode)) => (path, Some(mode)),
        None => (path, None),
    };
    if path.is_empty() {
        return Err("a Unix address is unix:///absolute/path, and the path is missing");
    }
    let Some(mode) = mode else {
        return Ok(unix(path));
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
    if command.starts_with("//") {
        return Err(NO_SLASHES);
    }
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
/// not be a path. As there, a path that begins with `@` is no file. Only a host without a port is refused, where it
/// can be nothing else.
fn parse_bare(text: &str) -> Result<Endpoint, &'static str> {
    let is_port = |port: &str| {
        !port.is_empty() && port.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if is_number(text) {
        return Ok(Endpoint::Tcp {
            host: String::new(),
            port: text.into(),
        });
    }
    if is_host_alone(text) {
        return Err(
            "it has no port: a TCP address is host:port, with an IPv6 address in [brackets], \
             and the path of a Unix socket in this folder is ./path",
        );
    }
    Ok(match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.contains('/') => {
            let host = unbracketed(host).unwrap_or(host);
            if is_bracketed(host) && matches!(host.split_once(ZONE), Some((_, ""))) {
                return Err(WRONG_ZONE);
            }
            Endpoint::Tcp {
                host: host.into(),
                port: port.into(),
            }
        }
        _ => match text.strip_prefix('@') {
            Some(name) if !name.is_empty() => Endpoint::Abstract(name.into()),
            _ => unix(text),
        },
    })
}

/// Whether a text is an IP address, or the one name of a host that everybody has.
fn is_host_alone(text: &str) -> bool {
    let text = unbracketed(text).unwrap_or(text);
    let address = text
        .split_once(ZONE)
        .map_or(text, |(address, _zone)| address);
    text == "localhost" || address.parse::<IpAddr>().is_ok()
}

fn unix(path: &str) -> Endpoint {
    Endpoint::Unix {
        path: path.into(),
        mode: None,
    }
}

/// What is in brackets, as an IPv6 address is where a port follows.
fn unbracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// A host and a port, as they stand in a URL.
fn url_authority(host: &str, port: &str) -> String {
    if is_bracketed(host) {
        format!("[{}]:{port}", host.replacen(ZONE, URL_ZONE, 1))
    } else {
        format!("{host}:{port}")
    }
}

/// Whether a host has to be in brackets where a port follows.
fn is_bracketed(host: &str) -> bool {
    host.contains(':') || host.starts_with('[')
}

/// Writes a bare form, or another where that would be read as something else.
fn write_bare(
    f: &mut fmt::Formatter<'_>,
    endpoint: &Endpoint,
    bare: &str,
    other: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if parse(bare).as_ref() == Ok(endpoint) {
        f.write_str(bare)
    } else {
        other(f)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A port by its name has the bare form only.
            Self::Tcp { host, port } if !is_port_number(port) => {
                let bracketed = format!("[{host}]:{port}");
                if is_bracketed(host) {
                    return f.write_str(&bracketed);
                }
                write_bare(f, self, &format!("{host}:{port}"), |f| {
                    f.write_str(&bracketed)
                })
            }
            Self::Tcp { host, port } => write!(f, "tcp://{}", url_authority(host, port)),
            Self::Tls { host, port } => write!(f, "tls://{}", url_authority(host, port)),
            Self::Unix { path, mode } => {
                let text = path.to_string_lossy();
                let with_mode = |f: &mut fmt::Formatter<'_>, before: &str| {
                    write!(f, "unix://{before}{text}")?;
                    mode.map_or(Ok(()), |mode| write!(f, "{MODE}{mode:o}"))
                };
                // What stands in a path is not to be read as permissions.
                match (path.is_absolute(), mode) {
                    (true, None) if text.contains(MODE) => f.write_str(&text),
                    (true, _) => with_mode(f, ""),
                    (false, None) => write_bare(f, self, &text, |f| with_mode(f, RELATIVE)),
                    (false, Some(_)) => with_mode(f, RELATIVE),
                }
            }
            Self::Abstract(name) => write!(f, "unix://@{name}"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
            Self::Exec { program, args } => {
                f.write_str("exec:")?;
                if program.starts_with("//") {
                    words::write_quoted(f, program)?;
                } else {
                    words::write(f, program)?;
                }
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

/// A TCP port of this address.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                format!("{}{ZONE}{}", v6.ip(), v6.scope_id())
            }
            _ => address.ip().to_string(),
        };
        Self::Tcp {
            host,
            port: address.port().to_string(),
        }
    }
}

/// The Unix socket at this path.
impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self::Unix { path, mode: None }
    }
}

/// The Unix socket at this path.
impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

/// The Unix socket at this path.
impl From<&PathBuf> for Endpoint {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
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
