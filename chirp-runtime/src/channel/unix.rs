use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{UnixListener, UnixStream};

use super::socket_file::{self, SocketFile};
use super::{Channel, Endpoint, Listener};

/// The first and the longest pause before connecting again to a listener whose queue is full.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

impl From<UnixStream> for Channel {
    fn from(stream: UnixStream) -> Self {
        let credentials = stream.peer_cred();
        let (reader, writer) = stream.into_split();
        let channel = Self::new(reader, writer);
        match credentials {
            Ok(credentials) => channel.with_credentials(credentials.into()),
            Err(_unknown) => channel,
        }
    }
}

/// Connects to a path. A full queue of the listener cannot be waited for, so connecting is repeated until the
/// caller drops the future.
pub(super) async fn connect(path: &Path) -> io::Result<Channel> {
    refuse_empty(path)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            connected => return connected.map(Channel::from),
        }
    }
}

pub(super) async fn connect_abstract(name: &str) -> io::Result<Channel> {
    connect(&abstract_path(name)?).await
}

/// Returns an error for an empty path, for which the system would choose a name of its own.
fn refuse_empty(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path is empty",
        ));
    }
    Ok(())
}

/// Listens on a path. Replaces a stale socket file, on which no process listens.
pub(super) async fn listen(path: &Path, mode: Option<u32>) -> io::Result<Unix> {
    refuse_empty(path)?;
    // Two processes that find a stale file must take turns: the second would remove the file that the first has
    // just created. A file that is created but not listened on yet also looks stale.
    let lock = socket_file::lock_directory(path).await;
    let (listener, file) = match socket_file::bind(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let _lock = lock?;
            if !is_stale(path).await {
                return Err(error);
            }
            fs::remove_file(path)?;
            socket_file::bind(path, mode)?
        }
        bound => bound?,
    };
    Ok(Unix {
        _file: Some(file),
        listener,
        endpoint: Endpoint::Unix {
            path: path.into(),
            mode,
        },
    })
}

pub(super) fn listen_abstract(name: &str) -> io::Result<Unix> {
    Ok(Unix {
        _file: None,
        listener: UnixListener::bind(abstract_path(name)?)?,
        endpoint: Endpoint::Abstract(name.into()),
    })
}

/// Returns whether a file is a socket without a listener. Connecting to an ordinary file is refused as well, so the
/// type is checked first.
async fn is_stale(path: &Path) -> bool {
    if !socket_file::is_socket(path) {
        return false;
    }
    match UnixStream::connect(path).await {
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Ok(_) => false,
    }
}

/// Encodes an abstract name for tokio: a leading zero byte.
fn abstract_path(name: &str) -> io::Result<PathBuf> {
    if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "not supported: abstract Unix sockets need Linux",
        ));
    }
    Ok(format!("\0{name}").into())
}

pub(super) struct Unix {
    // The file must be removed before the socket closes: a file without a listener may be replaced by another
    // listener at any time.
    _file: Option<SocketFile>,
    listener: UnixListener,
    endpoint: Endpoint,
}

#[cfg(all(feature = "process", target_os = "linux"))]
impl Unix {
    /// Wraps a socket that is listening already. Its file is not removed.
    pub(super) fn of_std(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let endpoint = match address.as_abstract_name() {
            Some(name) => Endpoint::Abstract(String::from_utf8_lossy(name).into_owned()),
            None => Endpoint::Unix {
                path: address.as_pathname().unwrap_or(Path::new("")).into(),
                mode: None,
            },
        };
        Ok(Self {
            _file: None,
            listener,
            endpoint,
        })
    }
}

#[async_trait]
impl Listener for Unix {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        let (stream, _) = self.listener.accept().await?;
        Ok(Channel::from(stream).with_remote(self.endpoint.clone()))
    }
}
