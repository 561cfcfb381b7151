//! What handlers do that wait, and what those give that stream: the same at every system.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use tokio::sync::{mpsc, oneshot};

/// What a handler waits for before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wait {
    /// A timer of a millisecond.
    Timer = 0,
    /// Another task, asked through a channel.
    Relay = 1,
    /// Nothing that ever comes.
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

/// What the handlers of one server share.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Begun when it is first asked, so that it is not measured as a part of connections.
    relay: Arc<OnceLock<Relay>>,
}

/// The way to the task that handlers ask.
type Relay = mpsc::UnboundedSender<oneshot::Sender<()>>;

/// Starts the task that handlers ask.
fn start_relay() -> Relay {
    let (relay, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    tokio::spawn(async move {
        while let Some(answer) = asked.recv().await {
            // A handler that is gone needs no answer.
            let _ = answer.send(());
        }
    });
    relay
}

impl Work {
    /// What the handlers of a server begin with.
    pub fn start() -> Self {
        Self::default()
    }

    /// Waits as it is told to.
    pub async fn wait(&self, wait: Wait) {
        match wait {
            Wait::Timer => tokio::time::sleep(Duration::from_millis(1)).await,
            Wait::Relay => {
                let (answer, answered) = oneshot::channel();
                if self.relay.get_or_init(start_relay).send(answer).is_ok() {
                    // The relay answers everybody; it ends with the runtime.
                    let _ = answered.await;
                }
            }
            Wait::Forever => std::future::pending().await,
        }
    }
}

/// Where the items of a stream come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// All are ready, and none waits.
    Ready,
    /// Another task, one by one through a channel.
    Channel,
}

/// How many items there may be in the channel that they come through.
const CHANNEL: usize = 16;

/// How many bytes a stream of bytes gives at a time.
pub const PIECE: usize = 16 << 10;

/// The numbers below `many`, ready.
pub fn ready(many: u64) -> impl Stream<Item = u64> + Send + 'static {
    stream::iter(0..many)
}

/// The numbers below `many`, as another task sends them.
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

/// So many pieces of bytes, all of them the same memory.
pub fn pieces(many: u64) -> impl Stream<Item = Bytes> + Send + 'static {
    let piece = Bytes::from(vec![7; PIECE]);
    stream::iter((0..many).map(move |_| piece.clone()))
}
