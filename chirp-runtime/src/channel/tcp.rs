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
    let host = if host.is_empty() { "localhost" } else { host };
    Channel::try_from(TcpStream::connect(authority(host, port)).await?)
}

pub(super) async fn listen(host: &str, port: &str) -> io::Result<Tcp> {
    let listener = match host {
        // Every interface; where there is no IPv6, those of IPv4.
        "" => match TcpListener::bind(authority("::", port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => TcpListener::bind(authority("0.0.0.0", port)).await?,
            Ok(listener) => listener,
        },
        host => TcpListener::bind(authority(host, port)).await?,
    };
    Tcp::of(listener)
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
    Endpoint::Tcp {
        host: address.ip().to_string(),
        port: address.port().to_string(),
    }
}

/// An IPv6 address is written in brackets where a port follows it.
pub(super) fn authority(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
