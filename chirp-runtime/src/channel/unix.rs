use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::net::{UnixListener, UnixStream};

use super::{Channel, Endpoint, Listener};

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

pub(super) async fn connect(path: &Path) -> io::Result<Channel> {
    let stream = UnixStream::connect(path).await?;
    Ok(Channel::from(stream).with_remote(Endpoint::Unix(path.into())))
}

/// Listens on a path. A socket file that nobody answers on is a leftover of a listener that died, and
/// is replaced.
pub(super) async fn listen(path: &Path) -> io::Result<Unix> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path).await => {
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    let file = SocketFile {
        path: path.into(),
        id: id(path)?,
    };
    Ok(Unix {
        listener,
        endpoint: Endpoint::Unix(path.into()),
        _file: file,
    })
}

/// Only a socket can be a leftover: a connection to an ordinary file is refused as well.
async fn is_stale(path: &Path) -> bool {
    if !fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return false;
    }
    match UnixStream::connect(path).await {
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        Ok(_) => false,
    }
}

pub(super) struct Unix {
    // The file goes first: a file whose listener has gone may be replaced by another listener at any time.
    _file: SocketFile,
    listener: UnixListener,
    endpoint: Endpoint,
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

/// The file that a listener made. It goes with the listener, unless somebody has replaced it.
struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            // Nothing depends on it: the next listener replaces what is left over.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}
