//! Servers that start again, and the clients that follow them.

use std::error::Error;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chirp::channel::{Keypair, TlsClient, TlsServer};
use chirp::websocket::WebSocket;
use chirp::{
    AsCaller, Caller, ConnectionStats, Peer, PeerBuilder, ReconnectingPeer, Server, ServerHandle,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::failure::Link;
use crate::service::{BackServer, WorkServer, Worker};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Payloads above this length are compressed, in bytes.
const COMPRESSED: usize = 2_000;

/// The time for handlers to finish when a server shuts down.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// The keys of all servers and of all clients.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) server: Keypair,
    pub(crate) client: Keypair,
}

impl Keys {
    pub(crate) fn generate() -> Outcome<Self> {
        Ok(Self {
            server: Keypair::generate()?,
            client: Keypair::generate()?,
        })
    }
}

/// A server at one address, and what its clients need.
pub(crate) struct Station {
    pub(crate) link: Link,
    pub(crate) address: String,
    keys: Keys,
    worker: Worker,
    running: Mutex<Option<Running>>,
}

struct Running {
    handle: ServerHandle,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Station {
    /// Starts a server for each kind of address. The first lasts, the others are started again now and then.
    pub(crate) async fn start_all(
        keys: &Keys,
        worker: &Worker,
        folder: &Path,
    ) -> Outcome<Vec<Self>> {
        let unix = format!("unix://{}/server", folder.display());
        let mut stations = Vec::new();
        for (link, address) in [
            (Link::Lasting, "tcp://127.0.0.1:0"),
            (Link::Restarted, &unix),
            (Link::Restarted, "tls://127.0.0.1:0"),
            (Link::Restarted, "ws://127.0.0.1:0/chirp"),
        ] {
            let mut station = Self {
                link,
                address: address.to_owned(),
                keys: keys.clone(),
                worker: worker.clone(),
                running: Mutex::default(),
            };
            station.address = station.start().await?;
            stations.push(station);
        }
        Ok(stations)
    }

    /// Starts the server, and returns its address with its port.
    async fn start(&self) -> Outcome<String> {
        let server = Server::builder()
            .service(WorkServer::new(self.worker.clone()))
            .compress_above(COMPRESSED)
            .shutdown_timeout(SHUTDOWN)
            .tls(TlsServer::keys(
                &self.keys.server,
                self.keys.client.public(),
            ))
            .scheme("ws", WebSocket::new())
            .bind(self.address.as_str())
            .await?;
        let address = server.endpoint().to_string();
        let handle = server.handle();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run_until(async {
            // An error is an end, too.
            let _ = stopped.await;
        }));
        let running = Running { handle, stop, task };
        *self.lock() = Some(running);
        Ok(address)
    }

    /// Ends the server: gracefully, or at once and without a word.
    pub(crate) async fn end(&self, is_graceful: bool) {
        let running = self.lock().take();
        let Some(Running { handle, stop, task }) = running else {
            return;
        };
        drop(handle);
        if is_graceful {
            let _ = stop.send(());
        } else {
            task.abort();
        }
        // The result of an aborted task is an error.
        let _ = task.await;
    }

    /// Ends the server and starts it again.
    pub(crate) async fn restart(&self, is_graceful: bool) -> Outcome<()> {
        self.end(is_graceful).await;
        self.start().await?;
        Ok(())
    }

    /// Returns the server's ends of its connections.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let running = self.lock();
        let connections = running
            .iter()
            .flat_map(|running| running.handle.connections());
        connections.map(|connection| connection.peer).collect()
    }

    /// Returns the settings of a client that can be called back.
    pub(crate) fn client(&self) -> PeerBuilder {
        let client = self.client_alone();
        client.service(BackServer::new(self.worker.clone()))
    }

    /// Returns the settings of a client that serves nothing, so that its connection ends with its last handle.
    pub(crate) fn client_alone(&self) -> PeerBuilder {
        PeerBuilder::new()
            .compress_above(COMPRESSED)
            .tls(TlsClient::keys(
                &self.keys.client,
                self.keys.server.public(),
            ))
            .scheme("ws", WebSocket::new())
    }

    /// Connects a client that stays connected.
    pub(crate) async fn connect(&self) -> Outcome<Client> {
        if self.link == Link::Lasting {
            return Ok(Client::Lasting(
                self.client().connect(self.address.as_str()).await?,
            ));
        }
        let peer = self.client().reconnecting(self.address.as_str())?;
        peer.ready().await?;
        Ok(Client::Restarted(peer))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that is connected whenever its server runs.
pub(crate) enum Client {
    Lasting(Peer),
    Restarted(ReconnectingPeer),
}

impl Client {
    pub(crate) fn caller(&self) -> Caller {
        match self {
            Self::Lasting(peer) => peer.as_caller(),
            Self::Restarted(peer) => peer.as_caller(),
        }
    }

    /// Returns the present connection.
    pub(crate) fn peer(&self) -> Option<Peer> {
        match self {
            Self::Lasting(peer) => Some(peer.clone()),
            Self::Restarted(peer) => peer.peer(),
        }
    }

    pub(crate) async fn shutdown(&self) {
        match self {
            Self::Lasting(peer) => drop(peer.shutdown(SHUTDOWN).await),
            Self::Restarted(peer) => peer.shutdown(SHUTDOWN).await,
        }
    }
}

/// Returns `true` if a connection has nothing to do and holds nothing.
pub(crate) fn is_idle(stats: &ConnectionStats) -> bool {
    stats.pending == 0
        && stats.abandoned == 0
        && stats.running == 0
        && stats.unsent == 0
        && stats.streams == 0
        && stats.stream_bytes == 0
        && !stats.is_read_paused
}

/// A folder for sockets, which is removed at the end.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("chirp-soak-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The rest is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
