use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use chirp_runtime::peer::{AsCaller, Caller};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::caller::NatsCaller;
use crate::channel::NatsScheme;
use crate::durable::DurableCaller;
use crate::error::NatsError;
use crate::inbox::Inbox;
use crate::multicast::Everyone;
use crate::options::NatsOptions;
use crate::outbox::Outbox;
use crate::server::NatsServerBuilder;
use crate::subject::Subjects;

/// The time limit for a message from this process to itself.
const ROUND_TRIP: Duration = Duration::from_secs(5);

/// The time limit for handing a message to the client of NATS: after that, those who wait for the message have given up.
pub(crate) const SEND: Duration = Duration::from_secs(6);

/// A time limit that does not end.
const FAR_FUTURE: Duration = Duration::from_hours(24 * 365 * 30);

/// The time in which this process tells itself of a refused subscription.
const REFUSAL: Duration = Duration::from_millis(20);

/// The interval between checks for a new connection.
const CHECK: Duration = Duration::from_millis(100);

/// A connection to NATS, from which servers and callers are made. Clones share it.
///
/// Clients can be created from it: their calls go to any server of the method, and last at most 10 s unless they say otherwise
/// ([`NatsCaller`]).
///
/// ```no_run
/// use chirp_nats::Nats;
///
/// # async fn connect() -> Result<(), chirp_nats::NatsError> {
/// let nats = Nats::connect("nats://127.0.0.1:4222").await?;
/// # Ok(()) }
/// ```
///
/// The connection is made again when it is lost. When the last clone, caller and server is dropped, it is closed.
#[derive(Clone)]
pub struct Nats(pub(crate) Arc<NatsLink>);

/// The parts of a connection.
pub(crate) struct NatsLink {
    pub(crate) client: Client,
    pub(crate) subjects: Subjects,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) state: watch::Receiver<LinkState>,
    pub(crate) max_wait: Duration,
    /// The beginning of the subjects for answers to this connection.
    inboxes: String,
}

/// The state of a connection, as its events tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkState {
    pub(crate) closed: bool,
    /// The number of connections that were made.
    pub(crate) connections: u64,
    /// Messages that the client of NATS has discarded.
    pub(crate) discarded: u64,
    /// Subscriptions that the server has refused, and what it said last.
    pub(crate) refusals: u64,
    pub(crate) last_refusal: String,
    /// The server's words about the last message that it refused.
    pub(crate) refused_message: String,
}

impl Nats {
    /// Connects to servers with the default [`NatsOptions`].
    ///
    /// # Errors
    ///
    /// As [`NatsOptions::connect`].
    pub async fn connect(addresses: impl AsRef<str>) -> Result<Self, NatsError> {
        NatsOptions::new().connect(addresses).await
    }

    pub(crate) async fn start(
        client: Client,
        state: watch::Receiver<LinkState>,
        subjects: Subjects,
        max_wait: Duration,
    ) -> Result<Self, NatsError> {
        let inbox = Inbox::start(&client, &subjects).await?;
        let outbox = Outbox::start(&client, inbox.waiting(), max_wait);
        let mut inboxes = client.new_inbox();
        inboxes.truncate(inboxes.rfind('.').map_or(0, |dot| dot + 1));
        let nats = Self(Arc::new(NatsLink {
            client,
            subjects,
            inbox,
            outbox,
            state,
            max_wait,
            inboxes,
        }));
        nats.0.round_trip().await?;
        Ok(nats)
    }

    /// Returns a caller whose calls go to any server of a method.
    pub fn caller(&self) -> NatsCaller {
        NatsCaller::new(Arc::clone(&self.0))
    }

    /// Returns a caller whose one-way calls are stored in a stream of JetStream, and run at least once. The stream must have the
    /// subjects `_chirp.durable.>`, behind the prefix if there is one, and servers name it:
    /// [`NatsServerBuilder::durable`].
    pub fn durable(&self) -> DurableCaller {
        DurableCaller::new(Arc::clone(&self.0))
    }

    /// Returns the scheme of addresses `nats://name`: connections through the cluster, with streams and callbacks.
    pub fn scheme(&self) -> NatsScheme {
        NatsScheme::new(Arc::clone(&self.0))
    }

    /// Returns every server of a method, for calls to all of them.
    pub fn everyone(&self) -> Everyone {
        Everyone::new(Arc::clone(&self.0))
    }

    /// Returns a builder of a server of services.
    pub fn server(&self) -> NatsServerBuilder {
        NatsServerBuilder::new(Arc::clone(&self.0))
    }

    /// Waits until the server of NATS has taken everything that was sent before, such as one-way calls. Await it before the
    /// process ends, or before the last clone is dropped: what is not written by then is lost.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// [`NatsError`] if there is no connection that could carry it within 5 s.
    pub async fn flush(&self) -> Result<(), NatsError> {
        self.0.round_trip().await
    }

    /// Returns whether there is a connection to a server of NATS now.
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// Returns how often a connection was made, the first time included.
    pub fn connections(&self) -> u64 {
        self.0.state.borrow().connections
    }

    /// Returns how many messages were discarded because this process was slow to take them.
    pub fn discarded(&self) -> u64 {
        self.0.state.borrow().discarded
    }

    /// Returns how many calls wait for an answer.
    pub fn pending_calls(&self) -> usize {
        self.0.inbox.len()
    }
}

impl NatsLink {
    /// Sends a message to this process. When it has arrived, the server has taken every subscription and message that was sent
    /// before, and this process every message that the server had sent.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoAnswer`] if it did not arrive in time.
    pub(crate) async fn round_trip(&self) -> Result<(), NatsError> {
        let (subject, answer) = self.inbox.expect_one(false, None);
        let trip = async {
            let sent = self.client.publish(subject.clone(), bytes::Bytes::new());
            sent.await.map_err(|_| NatsError::Closed)?;
            Ok(answer.await.is_ok())
        };
        let mut state = self.state.clone();
        let refused = state.wait_for(|state| state.refused_message.contains(&*subject));
        let trip = async {
            tokio::select! {
                arrived = trip => arrived,
                // Callers need no right to send to inboxes. A server that refuses the message has read everything before, too.
                Ok(_) = refused => Ok(true),
            }
        };
        match tokio::time::timeout(ROUND_TRIP, trip).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Ok(Ok(false)) | Err(_) => Err(NatsError::NoAnswer(ROUND_TRIP, subject.to_string())),
        }
    }

    /// As [`round_trip`](Self::round_trip), after subscriptions.
    ///
    /// # Errors
    ///
    /// Also [`NatsError::NotPermitted`] if the server has refused one since it had refused `before`.
    pub(crate) async fn subscribed(&self, before: u64) -> Result<(), NatsError> {
        self.round_trip().await?;
        let mut state = self.state.clone();
        // The refusal has come before the answer, but another task tells it.
        let refused = state.wait_for(|state| state.refusals > before);
        match tokio::time::timeout(REFUSAL, refused).await {
            Ok(Ok(state)) => Err(NatsError::NotPermitted(state.last_refusal.clone())),
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }

    /// Returns whether this side may send to a subject that the other side has named. Such messages are sent with the rights of
    /// this side, so they go to inboxes only, and never to a subject that a service may have.
    pub(crate) fn may_answer(&self, subject: &str) -> bool {
        let is_own = !self.inboxes.is_empty() && subject.starts_with(&self.inboxes);
        is_own || Subjects::is_inbox(subject)
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits for a connection, for a while.
    ///
    /// # Errors
    ///
    /// Returns the reason if there is none.
    pub(crate) async fn connected(&self) -> Result<(), &'static str> {
        if self.is_connected() {
            return Ok(());
        }
        let connected = tokio::time::timeout(self.max_wait, self.reconnected());
        match connected.await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the connection to NATS has been closed"),
            Err(_) => Err("there is no connection to NATS"),
        }
    }

    /// Waits for a connection. Returns `false` if there will be none.
    pub(crate) async fn reconnected(&self) -> bool {
        let mut state = self.state.clone();
        while !self.is_connected() {
            if state.borrow_and_update().closed {
                return false;
            }
            // The client of NATS drops events that are not taken in time, so they are not waited for alone.
            let changed = tokio::time::timeout(CHECK, state.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                return self.is_connected();
            }
        }
        true
    }
}

/// Sends a message, unless the connection takes none for some time. The queue of the client of NATS takes no more when it is full
/// and nothing is written: while there is no connection, or the server does not read.
///
/// Returns `None` if the message was not sent in time.
pub(crate) async fn soon<F: Future>(send: F) -> Option<F::Output> {
    within(SEND, send).await
}

/// As [`soon`], with another time limit.
pub(crate) async fn within<F: Future>(limit: Duration, send: F) -> Option<F::Output> {
    until_deadline(deadline_after(limit), send).await
}

/// Returns when a time limit ends that begins now.
pub(crate) fn deadline_after(limit: Duration) -> Instant {
    let now = Instant::now();
    // As tokio does with what the clock cannot represent.
    now.checked_add(limit).unwrap_or(now + FAR_FUTURE)
}

/// Waits for a future until a deadline. There is no timer if the future is ready at once, as most are here.
pub(crate) async fn until_deadline<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)));
    match polled.await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => timeout_at(deadline, future).await.ok(),
    }
}

/// Sends a message if the connection takes one now.
pub(crate) async fn at_once<F: Future>(send: F) -> Option<F::Output> {
    let mut send = pin!(tokio::task::unconstrained(send));
    poll_fn(|cx| match send.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

impl AsCaller for Nats {
    fn as_caller(&self) -> Caller {
        self.caller().as_caller()
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nats")
            .field(&*self.0.state.borrow())
            .finish()
    }
}
