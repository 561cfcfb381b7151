use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::other::is_scheme;
use super::{Endpoint, EndpointError, OtherAddress, words};

/// Separates the path of a Unix socket from its permissions.
const MODE: &str = "?mode=";

/// Introduces a relative path after `unix://`. The prefix is not part of the path.
const RELATIVE: &str = "./";

/// Introduces the zone of an IPv6 address; a URL writes it as `%25` (RFC 6874).
const ZONE: &str = "%";
const URL_ZONE: &str = "%25";

const NO_SLASHES: &str = "exec:, stdio: and fd: are written without slashes";

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        parse(text).map_err(|why| EndpointError::invalid(text, why))
    }
}

fn parse(text: &str) -> Result<Endpoint, &'static str> {
    // A command may contain any text, so this prefix is checked first.
    if let Some(command) = text.strip_prefix("exec:") {
        return parse_exec(command);
    }
    if let Some((scheme, rest)) = text.split_once(':')
        && is_scheme(scheme)
    {
        if let Some(rest) = rest.strip_prefix("//") {
            return match scheme.to_ascii_lowercase().as_str() {
                "tcp" => parse_tcp(rest),
                "tls" => parse_tls(rest),
                "unix" => parse_unix(rest),
                "inproc" => parse_inproc(rest),
                "exec" | "stdio" | "fd" => Err(NO_SLASHES),
                _ => Ok(Endpoint::Other(OtherAddress::new(
                    scheme,
                    &text[scheme.len() + 1..],
                ))),
            };
        }
        // No host name contains a plus, so this is not `host:port`.
        if scheme.contains('+') {
            return Ok(Endpoint::Other(OtherAddress::new(scheme, rest)));
        }
    }
    // A scheme contains no slash, so a text with one before `://` is a path.
    if text
        .split_once("://")
        .is_some_and(|(scheme, _)| !scheme.contains('/'))
    {
        return Err(
            "a scheme is a letter, followed by letters, digits, `+`, `-` and `.`; \
             use unix:///path for a path that contains ://",
        );
    }
    match text.split_once(':') {
        Some(("fd", numbers)) => parse_fd(numbers),
        Some(("stdio", "")) => Ok(Endpoint::Stdio),
        // A host may have the name of a scheme if a port follows.
        Some((scheme, rest)) if !is_number(rest) => match scheme {
            "unix" => Err(
                "write a Unix address as unix:///absolute/path, with three slashes, or unix://@name",
            ),
            "tcp" => Err("write a TCP address as tcp://host:port, with two slashes"),
            "tls" => Err("write a TLS address as tls://host:port, with two slashes"),
            "inproc" => Err("write an in-process address as inproc://name, with two slashes"),
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
            "write a TCP address as tcp://host:port, with a port number up to 65535 \
             and an IPv6 address in [brackets]",
        ),
    }
}

fn parse_tls(rest: &str) -> Result<Endpoint, &'static str> {
    match parse_tcp(rest) {
        Ok(Endpoint::Tcp { host, port }) => Ok(Endpoint::Tls { host, port }),
        Err(zone @ WRONG_ZONE) => Err(zone),
        _ => Err(
            "write a TLS address as tls://host:port, with a port number up to 65535 \
             and an IPv6 address in [brackets]",
        ),
    }
}

const WRONG_ZONE: &str = "write the zone of an IPv6 address after %25, as in tcp://[fe80::1%25eth0]:9000 \
                                or, without a scheme, [fe80::1%eth0]:9000";

/// Decodes the zone of an IPv6 address from its URL form.
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

/// Requires brackets around an IPv6 address, since its last part would be read as the port otherwise.
fn is_host(host: &str) -> bool {
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    // A name that begins with a bracket would be printed as an address.
    !host.contains('/') && (is_bracketed || !host.contains(':') && !host.starts_with('['))
}

fn parse_unix(rest: &str) -> Result<Endpoint, &'static str> {
    if let Some(name) = rest.strip_prefix('@') {
        return parse_abstract(name);
    }
    let path = rest.strip_prefix(RELATIVE).unwrap_or(rest);
    if path.len() == rest.len() && !rest.starts_with('/') {
        return Err(
            "write a Unix address as unix:///absolute/path, with three slashes, or unix://@name",
        );
    }
    let (path, mode) = match path.rsplit_once(MODE) {
        Some((path, mode)) => (path, Some(mode)),
        None => (path, None),
    };
    if path.is_empty() {
        return Err("the path is missing: write a Unix address as unix:///absolute/path");
    }
    let Some(mode) = mode else {
        return Ok(unix(path));
    };
    match u32::from_str_radix(mode, 8) {
        Ok(mode) if mode <= 0o777 => Ok(Endpoint::Unix {
            path: path.into(),
            mode: Some(mode),
        }),
        _ => {
            Err("invalid permissions: write an octal number up to 777, as in unix:///path?mode=660")
        }
    }
}

fn parse_abstract(name: &str) -> Result<Endpoint, &'static str> {
    if name.is_empty() {
        return Err("the name is missing: write an abstract Unix socket as unix://@name");
    }
    Ok(Endpoint::Abstract(name.into()))
}

fn parse_inproc(name: &str) -> Result<Endpoint, &'static str> {
    if name.is_empty() {
        return Err("the name is missing: write an in-process address as inproc://name");
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
            .ok_or("the program is missing: write exec:program args")?,
        args: words.collect(),
    })
}

fn parse_fd(numbers: &str) -> Result<Endpoint, &'static str> {
    let (read, write) = numbers.split_once(',').unwrap_or((numbers, numbers));
    let number = |text: &str| text.parse().ok().filter(|&number: &i32| number >= 0);
    match (number(read), number(write)) {
        (Some(read), Some(write)) => Ok(Endpoint::Fd { read, write }),
        _ => Err(
            "invalid descriptors: write fd:3,4 (to read from, to write to), or fd:3 for a socket",
        ),
    }
}

/// Parses an address without a scheme, with the rules of the Go implementation: `host:port` if the port looks like
/// one and the host cannot be a path, and otherwise a path; a leading `@` means an abstract socket. Unlike there, a
/// host without a port is an error if the text can be nothing else.
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
            "the port is missing: write a TCP address as host:port, with an IPv6 address in [brackets], \
             or ./path for a Unix socket in the current directory",
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

/// Returns whether a text is an IP address or `localhost`.
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

/// Strips the brackets that surround an IPv6 address before a port.
fn unbracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// Formats a host and a port for a URL.
fn url_authority(host: &str, port: &str) -> String {
    if is_bracketed(host) {
        format!("[{}]:{port}", host.replacen(ZONE, URL_ZONE, 1))
    } else {
        format!("{host}:{port}")
    }
}

/// Returns whether a host must be in brackets before a port.
fn is_bracketed(host: &str) -> bool {
    host.contains(':') || host.starts_with('[')
}

/// Writes the form without a scheme, or the result of `other` if the bare form would parse to another endpoint.
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
            // A named port can only be written without a scheme.
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
                // A path that contains `?mode=` must not be read as permissions.
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
            Self::Other(address) => address.fmt(f),
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

/// Converts the address to a TCP endpoint.
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

/// Converts the path to the endpoint of a Unix socket.
impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self::Unix { path, mode: None }
    }
}

/// Converts the path to the endpoint of a Unix socket.
impl From<&Path> for Endpoint {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

/// Converts the path to the endpoint of a Unix socket.
impl From<&PathBuf> for Endpoint {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}
