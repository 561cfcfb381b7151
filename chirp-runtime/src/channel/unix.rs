use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{UnixListener, UnixStream};

use super::socket_file::{self, SocketFile};
use super::{Channel, Endpoint, Listener};

/// How long is waited before a full queue is tried again: at first, and at most.
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

/// Connects. When the listener's queue is full the system has nothing that could be waited for, so it is asked again
/// and again, until the caller gives up.
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

/// For the system an empty path is no path: it would listen under a name of its own.
fn refuse_empty(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "there is no path",
        ));
    }
    Ok(())
}

/// Listens on a path. A socket file that nobody answers on is a leftover of a listener that died, and
/// is replaced.
pub(super) async fn listen(path: &Path, mode: Option<u32>) -> io::Result<Unix> {
    refuse_empty(path)?;
    // Of two that find a leftover, the second would remove what the first has made since; and a file that is made
    // but not listened on yet looks like a leftover.
    let turn = socket_file::turn_in(path).await;
    let (listener, file) = match socket_file::bind(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let _turn = turn?;
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

/// Only a socket can be a leftover: a connection to an ordinary file is refused as well.
async fn is_stale(path: &Path) -> bool {
    if !socket_file::is_socket(path) {
        return false;
    }
    match UnixStream::connect(path).await {
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Ok(_) => false,
    }
}

/// How tokio is told a name that is no file's.
fn abstract_path(name: &str) -> io::Result<PathBuf> {
    if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "only Linux has sockets without a file",
        ));
    }
    Ok(format!("\0{name}").into())
}

pub(super) struct Unix {
    // The file goes first: a file whose listener has gone may be replaced by another listener at any time.
    _file: Option<SocketFile>,
    listener: UnixListener,
    endpoint: Endpoint,
}

#[cfg(all(feature = "process", target_os = "linux"))]
impl Unix {
    /// A socket that listens already. Its file is not ours to remove.
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
