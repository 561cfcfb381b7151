use std::net::IpAddr;
use std::path::PathBuf;

use super::OutgoingUrl;
use super::address_range::AddressRange;
use super::address_rules::{is_public, unmapped};
use super::url::{Host, Place, default_port, parse_authority, socket_path};

/// The destinations that an operator allows: hosts, networks, and folders of Unix sockets. None at first.
///
/// ```
/// use chirp_web::requests::Destinations;
///
/// let destinations = Destinations::new()
///     .allow("https://hooks.example.com")?
///     .allow("http://10.0.0.5:8080")?
///     .allow_unix_folder("/run/jobs")?;
/// # Ok::<(), chirp_web::requests::DestinationError>(())
/// ```
///
/// A name is resolved once for each request, and each of its addresses must be allowed: addresses on the public internet are, and
/// others (private, loopback, link-local, shared, multicast, reserved, for documentation) if they are in an
/// [allowed network](Self::allow_network). An IPv6 address that contains an IPv4 address, as those of NAT64 and 6to4 do, is
/// judged by the second.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    hosts: Vec<ListedHost>,
    networks: Vec<AddressRange>,
    folders: Vec<PathBuf>,
}

/// The reason why nothing is sent to a URL, or why a text is no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// The text is not a URL of a destination.
    #[error("not a URL to send to: {0}")]
    InvalidUrl(&'static str),
    /// The scheme, the host and the port are not on the list.
    #[error("{destination} is not an allowed destination")]
    NotListed {
        /// The scheme, the host and the port, or the path of the socket.
        destination: String,
    },
    /// The URL begins with `https://`, and the feature `tls` is off.
    #[error("https:// needs the feature `tls` of the crate chirp")]
    NoTls,
    /// The text is no destination that can be listed.
    #[error("cannot allow `{text}`: {problem}")]
    InvalidDestination {
        /// The text.
        text: String,
        /// The problem with it.
        problem: &'static str,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ListedHost {
    is_secure: bool,
    host: HostPattern,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// The end of a name, with a dot at its start.
    Below(String),
    Exact(Host),
}

impl HostPattern {
    fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(end), Host::Name(name)) => name.len() > end.len() && name.ends_with(end),
            (Self::Below(_), Host::Address(_)) => false,
            (Self::Exact(listed), host) => listed == host,
        }
    }
}

impl Destinations {
    /// Creates an empty list, which allows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a scheme, a host and a port, such as `https://hooks.example.com`. Without a port, that is 443 for `https` and 80
    /// for `http`. `https://*.example.com` allows all names below that one, and `https://*` all hosts.
    ///
    /// The addresses of names must be public, or in an [allowed network](Self::allow_network). An address that is listed itself,
    /// such as `http://127.0.0.1:8080`, may be any, and `localhost` may be the loopback interface.
    ///
    /// # Errors
    ///
    /// [`DestinationError::InvalidDestination`] for any other text, such as one with a path.
    pub fn allow(mut self, destination: &str) -> Result<Self, DestinationError> {
        let listed =
            ListedHost::parse(destination).map_err(|problem| invalid(destination, problem))?;
        self.hosts.push(listed);
        Ok(self)
    }

    /// Allows addresses that are not public, such as `10.0.0.0/8` or `10.1.2.3`, for the hosts that are listed.
    ///
    /// # Errors
    ///
    /// [`DestinationError::InvalidDestination`] for any other text.
    pub fn allow_network(mut self, network: &str) -> Result<Self, DestinationError> {
        let range = network
            .parse()
            .map_err(|problem| invalid(network, problem))?;
        self.networks.push(range);
        Ok(self)
    }

    /// Allows the Unix sockets in a folder and in the folders below. A socket must not be a symbolic link, and symbolic links to
    /// other folders are not followed. Whoever may write to the folder decides on the sockets in it.
    ///
    /// # Errors
    ///
    /// [`DestinationError::InvalidDestination`] if the path is not absolute, or contains `.` or `..`.
    pub fn allow_unix_folder(
        mut self,
        folder: impl Into<PathBuf>,
    ) -> Result<Self, DestinationError> {
        let folder = folder.into();
        let text = folder.display().to_string();
        let folder = socket_path(folder).map_err(|_| {
            invalid(
                &text,
                "write an absolute path of a folder, without `.` and `..`",
            )
        })?;
        self.folders.push(folder);
        Ok(self)
    }

    /// Returns `true` if nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.folders.is_empty()
    }

    /// Parses a URL and looks its scheme, host and port up, or the folder of its socket. Resolves nothing and connects to
    /// nothing: the addresses of a name are judged when a request is sent.
    ///
    /// # Errors
    ///
    /// [`DestinationError`].
    pub fn check(&self, url: &str) -> Result<OutgoingUrl, DestinationError> {
        let url: OutgoingUrl = url.parse()?;
        self.check_parsed(&url)?;
        Ok(url)
    }

    pub(super) fn check_parsed(&self, url: &OutgoingUrl) -> Result<(), DestinationError> {
        let is_listed = match &url.place {
            Place::Unix(path) => self
                .folders
                .iter()
                .any(|folder| path != folder && path.starts_with(folder)),
            Place::Tcp {
                is_secure,
                host,
                port,
            } => self.hosts.iter().any(|listed| {
                listed.is_secure == *is_secure && listed.port == *port && listed.host.matches(host)
            }),
        };
        if !is_listed {
            return Err(DestinationError::NotListed {
                destination: url.destination(),
            });
        }
        if cfg!(not(feature = "tls"))
            && matches!(
                url.place,
                Place::Tcp {
                    is_secure: true,
                    ..
                }
            )
        {
            return Err(DestinationError::NoTls);
        }
        Ok(())
    }

    /// Returns `true` if a connection for a host and port that have passed [`check_parsed`](Self::check_parsed) may go to `address`.
    pub(super) fn allows_address(
        &self,
        is_secure: bool,
        host: &Host,
        port: u16,
        address: IpAddr,
    ) -> bool {
        let address = unmapped(address);
        let may_be_listed = match host {
            Host::Address(_) => true,
            Host::Name(name) => name == "localhost" && address.is_loopback(),
        };
        let literal = ListedHost {
            is_secure,
            host: HostPattern::Exact(host.clone()),
            port,
        };
        is_public(address)
            || (may_be_listed && self.hosts.contains(&literal))
            || self
                .networks
                .iter()
                .any(|network| network.contains(address))
    }

    pub(super) fn unix_folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

impl ListedHost {
    fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write https://host, http://host:port or https://*.host";
        let (scheme, authority) = text.split_once("://").ok_or(FORM)?;
        let is_secure = match &*scheme.to_ascii_lowercase() {
            "http" => false,
            "https" => true,
            "unix" | "http+unix" => return Err("sockets are allowed by `allow_unix_folder`"),
            _ => return Err(FORM),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#']) {
            return Err("paths cannot be allowed one by one: write the host alone");
        }
        if authority.contains('@') {
            return Err("write the host without a user and a password");
        }
        let (is_any, is_below) = (
            authority == "*" || authority.starts_with("*:"),
            authority.starts_with("*."),
        );
        // The star stands where the name of a host could.
        let authority = match (is_any, is_below) {
            (true, _) => format!("x{}", &authority[1..]),
            (_, true) => authority[2..].to_owned(),
            _ => authority.to_owned(),
        };
        let (host, port) = parse_authority(&authority)?;
        let host = match host {
            _ if is_any => HostPattern::Any,
            Host::Address(_) if is_below => return Err(FORM),
            Host::Name(name) if is_below => HostPattern::Below(format!(".{name}")),
            host => HostPattern::Exact(host),
        };
        let port = port.unwrap_or(default_port(is_secure));
        Ok(Self {
            is_secure,
            host,
            port,
        })
    }
}

fn invalid(text: &str, problem: &'static str) -> DestinationError {
    DestinationError::InvalidDestination {
        text: text.to_owned(),
        problem,
    }
}
