//! Handlers that wait and sources of streams, the same for every system.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use tokio::sync::{mpsc, oneshot};

/// The event that a handler waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wait {
    /// A timer of one millisecond.
    Timer = 0,
    /// An answer of another task, over a channel.
    Relay = 1,
    /// Never resolves.
    Forever = 2,
}

impl From<u8> for Wait {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Timer,
            1 => Self::Relay,
            _ => Self::Forever,
        }
    }
}

/// State shared by the handlers of a server.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Started on first use, so that it is not measured as part of a connection.
    relay: Arc<OnceLock<Relay>>,
}

/// The channel to the task that answers handlers.
type Relay = mpsc::UnboundedSender<oneshot::Sender<()>>;

/// Starts the task that answers handlers.
fn start_relay() -> Relay {
    let (relay, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    tokio::spawn(async move {
        while let Some(answer) = asked.recv().await {
            // The handler may have been dropped.
            let _ = answer.send(());
        }
    });
    relay
}

impl Work {
    /// Creates the state of a new server.
    pub fn start() -> Self {
        Self::default()
    }

    /// Waits for the given event.
    pub async fn wait(&self, wait: Wait) {
        match wait {
            Wait::Timer => tokio::time::sleep(Duration::from_millis(1)).await,
            Wait::Relay => {
                let (answer, answered) = oneshot::channel();
                if self.relay.get_or_init(start_relay).send(answer).is_ok() {
                    // The relay answers every request and ends with the runtime.
                    let _ = answered.await;
                }
            }
            Wait::Forever => std::future::pending().await,
        }
    }
}

/// The source of the items of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// All items are ready.
    Ready,
    /// Another task sends them one by one over a channel.
    Channel,
}

/// The capacity of that channel.
const CHANNEL: usize = 16;

/// The size of one item of a byte stream.
pub const PIECE: usize = 16 << 10;

/// Returns the numbers below `many`, all ready.
pub fn ready(many: u64) -> impl Stream<Item = u64> + Send + 'static {
    stream::iter(0..many)
}

/// Returns the numbers below `many`, sent by another task.
pub fn from_channel(many: u64) -> impl Stream<Item = u64> + Send + 'static {
    let (sender, mut receiver) = mpsc::channel(CHANNEL);
    tokio::spawn(async move {
        for number in 0..many {
            if sender.send(number).await.is_err() {
                return;
            }
        }
    });
    stream::poll_fn(move |cx| receiver.poll_recv(cx))
}

/// Returns this many items of bytes, which share their memory.
pub fn pieces(many: u64) -> impl Stream<Item = Bytes> + Send + 'static {
    let piece = Bytes::from(vec![7; PIECE]);
    stream::iter((0..many).map(move |_| piece.clone()))
}
