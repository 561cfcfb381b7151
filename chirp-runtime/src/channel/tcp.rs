use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};

use super::{Channel, Endpoint, Listener};

/// Sends small packets at once: a peer batches packets itself, so that delaying them would only add latency.
impl TryFrom<TcpStream> for Channel {
    type Error = io::Error;

    fn try_from(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let remote = endpoint(stream.peer_addr()?);
        let (reader, writer) = stream.into_split();
        Ok(Self::new(reader, writer).with_remote(remote))
    }
}

pub(super) async fn connect(host: &str, port: &str) -> io::Result<Channel> {
    let name = if host.is_empty() { "localhost" } else { host };
    let channel = Channel::try_from(TcpStream::connect((name, number(port)?)).await?)?;
    Ok(match zone(host) {
        // The socket reports the zone by number; keep the name that was given.
        Some(_) => channel.with_remote(Endpoint::Tcp {
            host: host.into(),
            port: port.into(),
        }),
        None => channel,
    })
}

pub(super) async fn listen(host: &str, port: &str) -> io::Result<Tcp> {
    let port = number(port)?;
    let listener = match host {
        // All interfaces, or all IPv4 interfaces if IPv6 is not available.
        "" => match TcpListener::bind(("::", port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => TcpListener::bind(("0.0.0.0", port)).await?,
            Ok(listener) => listener,
        },
        host => TcpListener::bind((host, port)).await?,
    };
    let mut tcp = Tcp::of(listener)?;
    if let (Some(_), Endpoint::Tcp { host: found, .. }) = (zone(host), &mut tcp.endpoint) {
        *found = host.into();
    }
    Ok(tcp)
}

fn number(port: &str) -> io::Result<u16> {
    port.parse().map_err(|_| {
        let what = format!(
            "invalid port `{port}`: expected a number up to 65535 (service names are not looked up)"
        );
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })
}

/// Returns the zone of an IPv6 address, by name or by number.
fn zone(host: &str) -> Option<&str> {
    let (address, zone) = host.split_once('%')?;
    address.contains(':').then_some(zone)
}

pub(super) struct Tcp {
    listener: TcpListener,
    endpoint: Endpoint,
}

impl Tcp {
    fn of(listener: TcpListener) -> io::Result<Self> {
        Ok(Self {
            endpoint: endpoint(listener.local_addr()?),
            listener,
        })
    }

    /// Wraps a socket that is listening already.
    #[cfg(all(feature = "process", target_os = "linux"))]
    pub(super) fn of_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::of(TcpListener::from_std(listener)?)
    }
}

#[async_trait]
impl Listener for Tcp {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // A client that disconnects before it is accepted is not an error of the listener.
            if let Ok(channel) = Channel::try_from(stream) {
                return Ok(channel);
            }
        }
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let host = match address {
        // A link-local address is useless without its zone.
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    };
    Endpoint::Tcp {
        host,
        port: address.port().to_string(),
    }
}
