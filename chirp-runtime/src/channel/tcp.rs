use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};

use super::{Channel, Endpoint, Listener};

/// Small packets leave at once: they are batched here, and waiting for more would only add latency.
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
        // The socket knows the number of an interface, and here is its name.
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
        // Every interface; where there is no IPv6, those of IPv4.
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
        let what =
            format!("the port `{port}` is no number up to 65535, and names are not looked up");
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })
}

/// The interface that an IPv6 address is of, by name or by number.
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

    /// A socket that listens already.
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
            // One that has gone before it was accepted is no fault of the listener's.
            if let Ok(channel) = Channel::try_from(stream) {
                return Ok(channel);
            }
        }
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let host = match address {
        // Without it the address is of no use.
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    };
    Endpoint::Tcp {
        host,
        port: address.port().to_string(),
    }
}
