use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::queue::RecordQueue;
use super::recorded_connection::RecordedConnection;
use crate::capture::{CaptureWriter, Origin};
use crate::channel::start_thread;
use crate::packet::{DESCRIBE_METHOD, RequestPacket, ResponsePacket, ResultCode};

/// The size of the buffer in front of a file, in bytes.
const BUFFER: usize = 256 << 10;

/// The address of the server of each recorded connection. No dissector of Wireshark claims the port.
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 0xC7C7);
/// The first port of clients. Dissectors claim a port above `FIRST_PORT + PORTS`.
const FIRST_PORT: u16 = 49_152;
/// The number of ports of each client address.
const PORTS: u64 = 7_000;
/// The number of client addresses, which are those of benchmarks: 198.18.0.0/15.
const CLIENTS: u64 = 2 << 16;

/// Writes the packets of connections to a file that Wireshark reads.
///
/// Connections are written as TCP with made-up addresses, in the format pcapng, whatever they run over. A thread
/// writes; if it is too slow, packets are left out of the record and counted, and the record shows the gap. A
/// connection never waits for the record. The clones of a recorder write to the same file.
///
/// ```no_run
/// # mod chirp { pub use chirp_runtime::{peer::*, record}; }
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use chirp::record::Recorder;
///
/// let recorder = Recorder::create("calls.pcapng")?;
/// let peer = chirp::PeerBuilder::new()
///     .record(&recorder)
///     .connect("tcp://127.0.0.1:9000")
///     .await?;
/// // ... calls ...
/// recorder.flush().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Recorder(Arc<RecorderHandle>);

/// Closes the queue when the last recorder is dropped.
struct RecorderHandle {
    queue: Arc<RecordQueue>,
    connections: AtomicU64,
    began: (Duration, Instant),
}

impl Drop for RecorderHandle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The numbers of a [`Recorder`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordStats {
    /// The number of packets in the record.
    pub packets: u64,
    /// The number of their bytes.
    pub bytes: u64,
    /// The number of packets that are not in the record, or not completely, because writing was too slow or failed.
    pub lost_packets: u64,
    /// The number of bytes that are missing from the record.
    pub lost_bytes: u64,
}

impl Recorder {
    /// Creates a file, or replaces its contents. Only the present user can read the file, since it contains
    /// everything that is said, passwords included.
    ///
    /// # Errors
    ///
    /// The error of creating or writing the file.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(path)?;
        #[cfg(unix)]
        if file.metadata()?.is_file() {
            // The file may have existed, with other permissions.
            file.set_permissions(PermissionsExt::from_mode(0o600))?;
        }
        Self::new(BufWriter::with_capacity(BUFFER, file))
    }

    /// Records to any output. A thread writes, and flushes the output whenever nothing more is queued.
    ///
    /// # Errors
    ///
    /// The error of writing the header of the record, or of starting the thread.
    pub fn new(output: impl Write + Send + 'static) -> io::Result<Self> {
        let writer = CaptureWriter::new(output, concat!("chirp ", env!("CARGO_PKG_VERSION")))?;
        let queue = Arc::new(RecordQueue::default());
        let written = Arc::clone(&queue);
        start_thread("chirp-recorder", move || written.run(writer))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Ok(Self(Arc::new(RecorderHandle {
            queue,
            connections: AtomicU64::new(0),
            began: (now.unwrap_or_default(), Instant::now()),
        })))
    }

    /// Waits until everything that has been recorded so far is written. Cancel safe.
    ///
    /// # Errors
    ///
    /// The error that has ended the recording, for example because the disk is full.
    pub async fn flush(&self) -> io::Result<()> {
        // An error means that the thread has ended, by a panic of the output, which is kept as the error.
        let _ = self.0.queue.flush().await;
        self.0.queue.error().map_or(Ok(()), Err)
    }

    /// Returns the error that has ended the recording, if one has. Connections are not affected.
    pub fn error(&self) -> Option<io::Error> {
        self.0.queue.error()
    }

    /// Returns what has been recorded and lost so far.
    pub fn stats(&self) -> RecordStats {
        self.0.queue.stats()
    }

    /// Records the description of an interface, so that values can be shown: the answer to `chirp.reflect.describe`.
    ///
    /// It is written as a call on a connection of its own.
    pub fn describe(&self, description: &[u8]) {
        let connection = self.connection("the description of the interface, asked by the recorder");
        let mut packet = Vec::new();
        RequestPacket::encode_head(&mut packet, 1, DESCRIBE_METHOD.as_bytes(), 0);
        connection.lock().record(Origin::Client, &packet);
        packet.clear();
        ResponsePacket::encode_head(&mut packet, 1, ResultCode::Success, description.len());
        packet.extend_from_slice(description);
        connection.lock().record(Origin::Server, &packet);
    }

    /// Begins the record of a connection.
    pub(super) fn connection(&self, comment: &str) -> RecordedConnection {
        let number = self.0.connections.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + u16::try_from(number % PORTS).unwrap_or_default();
        let address = u32::from(Ipv4Addr::new(198, 18, 0, 0))
            | u32::try_from(number / PORTS % CLIENTS).unwrap_or_default();
        let client = SocketAddr::new(Ipv4Addr::from(address).into(), port);
        RecordedConnection::new(self.clone(), client, SERVER, comment)
    }

    pub(super) fn queue(&self) -> &RecordQueue {
        &self.0.queue
    }

    /// The present time, which never goes backwards.
    pub(super) fn now(&self) -> Duration {
        let (time, instant) = self.0.began;
        time + instant.elapsed()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Recorder").field("stats", &stats).finish()
    }
}
