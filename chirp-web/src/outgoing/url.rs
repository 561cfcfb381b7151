use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use super::DestinationError;

/// The longest URL.
const MAX_URL: usize = 4096;

/// The URL of a destination: `http://host/path`, `https://host/path`, `unix:/run/x.sock` for `/` over that socket, or
/// `http+unix://%2Frun%2Fx.sock/path`.
///
/// A URL with a user, a password or a fragment is refused, and so are paths of sockets with `.` or `..` in them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OutgoingUrl {
    text: String,
    pub(super) place: Place,
    pub(super) target: PathAndQuery,
}

/// The place that a connection goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Tcp {
        is_secure: bool,
        host: Host,
        port: u16,
    },
    Unix(PathBuf),
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Address(IpAddr),
    /// In lower case. A name such as `2130706433` is an address for resolvers.
    Name(String),
}

impl OutgoingUrl {
    /// Returns the URL as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the scheme, the host and the port, or the path of the socket: without the path and the query, which may be secrets.
    pub fn destination(&self) -> String {
        self.place.to_string()
    }

    /// Returns the path and the query, at least `/`.
    pub(crate) fn path_and_query(&self) -> &PathAndQuery {
        &self.target
    }

    /// Returns the URL of another path at the same destination.
    pub(crate) fn with_path_and_query(&self, target: PathAndQuery) -> Self {
        Self {
            text: self.text.clone(),
            place: self.place.clone(),
            target,
        }
    }

    /// Returns the value of the header `Host`.
    pub(super) fn host_header(&self) -> String {
        match &self.place {
            Place::Unix(_) => "localhost".to_owned(),
            Place::Tcp {
                is_secure,
                host,
                port,
            } => {
                let is_default = *port == default_port(*is_secure);
                if is_default {
                    host.to_string()
                } else {
                    format!("{host}:{port}")
                }
            }
        }
    }
}

impl FromStr for OutgoingUrl {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let (place, target) = parse(text).map_err(DestinationError::InvalidUrl)?;
        Ok(Self {
            text: text.to_owned(),
            place,
            target,
        })
    }
}

fn parse(text: &str) -> Result<(Place, PathAndQuery), &'static str> {
    if text.len() > MAX_URL {
        return Err("it is longer than 4,096 bytes");
    }
    let (scheme, rest) = text
        .split_once(':')
        .ok_or("write https://host/path, http://host/path or unix:/path")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "unix" {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let place = Place::Unix(socket_path(path.into())?);
        return Ok((place, PathAndQuery::from_static("/")));
    }
    let is_secure = match &*scheme {
        "http" | "http+unix" => false,
        "https" => true,
        _ => return Err("the scheme is none of http, https, unix and http+unix"),
    };
    let rest = rest.strip_prefix("//").ok_or("write // after the scheme")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if target.contains('#') {
        return Err("it has a fragment");
    }
    if authority.contains('@') {
        return Err("it has a user or a password");
    }
    let target = if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("/{target}")
    };
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("write characters other than ASCII as %XX");
    }
    let target = target
        .parse()
        .map_err(|_| "its path has a character that must be written as %XX")?;
    if scheme == "http+unix" {
        let bytes = percent_decode_str(authority).collect::<Vec<_>>();
        let path = socket_path(PathBuf::from(OsString::from_vec(bytes)))?;
        return Ok((Place::Unix(path), target));
    }
    let (host, port) = parse_authority(authority)?;
    let port = port.unwrap_or(default_port(is_secure));
    let place = Place::Tcp {
        is_secure,
        host,
        port,
    };
    Ok((place, target))
}

/// Parses `host`, `host:port`, `[v6]` and `[v6]:port`.
pub(super) fn parse_authority(authority: &str) -> Result<(Host, Option<u16>), &'static str> {
    const WRONG_PORT: &str =
        "write the port as a number from 1 to 65535, and an IPv6 address in [brackets]";
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = port.parse::<u16>().map_err(|_| WRONG_PORT)?;
            Some(port)
                .filter(|port| *port > 0)
                .ok_or(WRONG_PORT)?
                .into()
        }
        Some(_) => return Err(WRONG_PORT),
    };
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Some(inside) = inside {
        let address = inside
            .parse()
            .map_err(|_| "the text in [brackets] is no IPv6 address without a zone")?;
        return Ok((Host::Address(IpAddr::V6(address)), port));
    }
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host.contains(':') {
        return Err(WRONG_PORT);
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !host.bytes().all(is_name) {
        return Err("a host is an address or a name of ASCII letters, digits, dots and hyphens");
    }
    let host = match host.parse() {
        Ok(address) => Host::Address(IpAddr::V4(address)),
        Err(_) => Host::Name(host.to_ascii_lowercase()),
    };
    Ok((host, port))
}

pub(super) fn default_port(is_secure: bool) -> u16 {
    if is_secure { 443 } else { 80 }
}

/// Checks the path of a socket or a folder by its text.
pub(super) fn socket_path(path: PathBuf) -> Result<PathBuf, &'static str> {
    use std::os::unix::ffi::OsStrExt;
    let text = path.as_os_str().as_bytes();
    if text.iter().any(u8::is_ascii_control) {
        return Err("its path has a control character");
    }
    if !path.is_absolute() {
        return Err("the path of a socket begins with /");
    }
    // `components` leaves out dots in the middle.
    let has_dots = text
        .split(|byte| *byte == b'/')
        .any(|part| matches!(part, b"." | b".."));
    if has_dots || !is_named(&path) {
        return Err("the path of a socket has no `.` and no `..`, and a name at its end");
    }
    Ok(path)
}

fn is_named(path: &Path) -> bool {
    matches!(path.components().next_back(), Some(Component::Normal(_)))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// Writes the scheme, the host and the port. Paths and queries may be secrets.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp {
                is_secure,
                host,
                port,
            } => {
                let scheme = if *is_secure { "https" } else { "http" };
                write!(f, "{scheme}://{host}:{port}")
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for OutgoingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Leaves out the path and the query, which may be secrets.
impl fmt::Debug for OutgoingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutgoingUrl({})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_place_and_a_target() {
        for (text, place, target, header) in [
            ("http://h", "http://h:80", "/", "h"),
            (
                "HTTPS://H.Example/a?b=c",
                "https://h.example:443",
                "/a?b=c",
                "h.example",
            ),
            ("http://h:8080?x=1", "http://h:8080", "/?x=1", "h:8080"),
            ("http://[::1]:90/", "http://[::1]:90", "/", "[::1]:90"),
            ("http://127.0.0.1/", "http://127.0.0.1:80", "/", "127.0.0.1"),
            ("unix:/run/x.sock", "unix:/run/x.sock", "/", "localhost"),
            ("unix:///run/x.sock", "unix:/run/x.sock", "/", "localhost"),
            (
                "http+unix://%2Frun%2Fx.sock/a?b",
                "unix:/run/x.sock",
                "/a?b",
                "localhost",
            ),
        ] {
            let url: OutgoingUrl = text.parse().expect(text);
            let found = (url.destination(), url.target.to_string(), url.host_header());
            assert_eq!(
                found,
                (place.into(), target.into(), header.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn invalid_urls_are_explained() {
        for (text, part) in [
            ("asdf", "write https"),
            ("", "write https"),
            ("file:///etc/hosts", "the scheme"),
            ("gopher://h/", "the scheme"),
            ("http:h", "write //"),
            ("http://", "the host is missing"),
            ("http:///x", "the host is missing"),
            ("http://user@h/", "a user"),
            ("http://user:pass@h/", "a user"),
            ("http://h#@other/", "a fragment"),
            ("http://h/#x", "a fragment"),
            ("http://h\\@other/", "a user"),
            ("http://h:0/", "the port"),
            ("http://h:70000/", "the port"),
            ("http://h:+1/", "the port"),
            ("http://::1/", "[brackets]"),
            ("http://[fe80::1%25eth0]/", "zone"),
            ("http://ä/", "a host is"),
            ("http://h/ä", "%XX"),
            ("http://h/a b", "%XX"),
            ("http://h/\r\nX: y", "%XX"),
            ("http://h\r\n/", "a host is"),
            ("unix:run/x.sock", "begins with /"),
            ("unix:@name", "begins with /"),
            ("unix:/run/../etc/x", "no `..`"),
            ("unix:/run/./x", "no `.`"),
            ("unix:/", "a name at its end"),
            ("http+unix://%2Frun%2F..%2Fx/", "no `..`"),
            ("http+unix://%2Frun%00/", "control"),
        ] {
            let error = text.parse::<OutgoingUrl>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
