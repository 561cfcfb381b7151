use std::io;
use std::net::IpAddr;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::client::Settings;
use super::unix_folder::find_socket;
use super::url::{Host, Place};
use super::{OutgoingError, OutgoingUrl};

/// The bytes of a connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to the place of a URL: to exactly an address that was judged.
pub(super) async fn connect(
    settings: &Settings,
    url: &OutgoingUrl,
) -> Result<Box<dyn Stream>, OutgoingError> {
    match &url.place {
        Place::Unix(path) => connect_unix(settings, path).await,
        Place::Tcp {
            is_secure,
            host,
            port,
        } => {
            let addresses = addresses(settings, *is_secure, host, *port).await?;
            let stream = connect_tcp(&addresses, *port);
            let failed = |error| OutgoingError::Connect {
                destination: url.destination(),
                error,
            };
            let stream = stream.await.map_err(failed)?;
            if *is_secure {
                encrypt(settings, stream, host).await.map_err(failed)
            } else {
                Ok(Box::new(stream))
            }
        }
    }
}

async fn connect_unix(settings: &Settings, path: &Path) -> Result<Box<dyn Stream>, OutgoingError> {
    let failed = |error| OutgoingError::Connect {
        destination: format!("unix:{}", path.display()),
        error,
    };
    let found = match &settings.destinations {
        None => path.to_owned(),
        Some(destinations) => {
            let folders = destinations.unix_folders().to_vec();
            let path = path.to_owned();
            let found = tokio::task::spawn_blocking(move || find_socket(&path, &folders));
            found.await.map_err(|error| failed(error.into()))??
        }
    };
    let stream = UnixStream::connect(found).await.map_err(failed)?;
    Ok(Box::new(stream))
}

/// Returns the addresses of a host, which are resolved once and all allowed.
async fn addresses(
    settings: &Settings,
    is_secure: bool,
    host: &Host,
    port: u16,
) -> Result<Vec<IpAddr>, OutgoingError> {
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let resolved = settings.resolver.resolve(name).await;
            resolved.map_err(|error| OutgoingError::Resolve {
                host: name.clone(),
                error,
            })?
        }
    };
    if let Some(destinations) = &settings.destinations {
        // One address that is refused refuses the name: which of them answers is the choice of its owner.
        let is_allowed = |address| destinations.allows_address(is_secure, host, port, address);
        if let Some(address) = addresses.iter().find(|address| !is_allowed(**address)) {
            return Err(OutgoingError::AddressRefused {
                host: host.to_string(),
                address: *address,
            });
        }
    }
    Ok(addresses)
}

async fn connect_tcp(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect((*address, port)).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

/// Performs a handshake of TLS for the name in the URL.
#[cfg(feature = "tls")]
async fn encrypt(
    settings: &Settings,
    stream: TcpStream,
    host: &Host,
) -> io::Result<Box<dyn Stream>> {
    use chirp_runtime::channel::Channel;

    let name = match host {
        Host::Address(address) => address.to_string(),
        // Certificates do not contain the dot of an absolute name.
        Host::Name(name) => name.trim_end_matches('.').to_owned(),
    };
    let tls = settings.tls.get().await?;
    let channel = tls.wrap(Channel::io(stream), &name).await?;
    let (reader, writer) = channel.into_split();
    Ok(Box::new(tokio::io::join(reader, writer)))
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
async fn encrypt(_: &Settings, _: TcpStream, _: &Host) -> io::Result<Box<dyn Stream>> {
    let text = "https:// needs the feature `tls` of the crate chirp";
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}
