use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Subject;
use async_nats::client::traits::Publisher as _;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::yield_now;

use crate::connection::{NatsLink, SEND, deadline_after, until_deadline};

/// The maximum number of results that are sent together.
const MAX: usize = 128;

/// The longest time that a result waits for handlers that run after its own.
const MAX_DELAY: Duration = Duration::from_micros(200);

/// Results of handlers that were ready at once, which are sent together.
///
/// The client of NATS writes as soon as it has a message. The requests of many callers come in parts, and answering each part at once
/// keeps the parts small.
pub(super) struct ResponseBatch {
    link: Arc<NatsLink>,
    responses: Vec<OutboundMessage>,
    /// The times at which the first result and the last one were added.
    since: Instant,
    last: Instant,
    /// Other tasks have run since the last message.
    has_yielded: bool,
}

impl ResponseBatch {
    pub(super) fn new(link: &Arc<NatsLink>) -> Self {
        let now = Instant::now();
        Self {
            link: Arc::clone(link),
            responses: Vec::new(),
            since: now,
            last: now,
            has_yielded: false,
        }
    }

    /// Adds the result of a call.
    pub(super) fn push(&mut self, reply: Subject, value: Bytes, now: Instant) {
        if self.responses.is_empty() {
            self.since = now;
        }
        self.last = now;
        self.responses.push(OutboundMessage {
            subject: reply,
            reply: None,
            payload: value,
            headers: None,
        });
    }

    /// Returns whether the results must not wait for further ones.
    pub(super) fn is_due(&self) -> bool {
        self.responses.len() >= MAX || self.last.duration_since(self.since) > MAX_DELAY
    }

    /// Lets other tasks run, which may receive further requests, and then sends the results. Returns `false` if there are none.
    pub(super) async fn rest(&mut self) -> bool {
        match self.responses.len() {
            0 => return false,
            2.. if !self.has_yielded => {
                self.has_yielded = true;
                yield_now().await;
            }
            _ => self.send().await,
        }
        true
    }

    /// Sends the results.
    pub(super) async fn send(&mut self) {
        self.has_yielded = false;
        // Taken one by one, so that the others are not lost if the task is aborted.
        self.responses.reverse();
        let until = deadline_after(SEND);
        while let Some(message) = self.responses.pop() {
            match until_deadline(until, self.link.client.publish_message(message)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!("an answer was not sent: {error}"),
                None => tracing::warn!(
                    "an answer was not sent: the connection to NATS takes no messages"
                ),
            }
        }
    }
}

/// Sends the results of handlers that have run, also if the server was dropped.
impl Drop for ResponseBatch {
    fn drop(&mut self) {
        if self.responses.is_empty() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let mut rest = Self::new(&self.link);
            rest.responses = mem::take(&mut self.responses);
            runtime.spawn(async move { rest.send().await });
        }
    }
}
