//! Messages that are sent together.

use std::time::Duration;

use async_nats::client::traits::Publisher as _;
use async_nats::message::OutboundMessage;
use async_nats::{Client, PublishError};
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::connection::{deadline_after, until_deadline};
use crate::inbox::WaitingCalls;

/// The requests that wait to be sent. Further callers wait for room.
const CAPACITY: usize = 1_024;

/// Sends the requests of many callers together.
///
/// The client of NATS writes as soon as it has a message. If it has one of many callers that became ready together, each request costs
/// a write here and a read at the server. So the task of the outbox yields to other callers before it hands requests over.
pub(crate) struct Outbox {
    client: Client,
    queue: mpsc::Sender<QueuedRequest>,
}

/// A request, and the number of the call that waits for its answer.
type QueuedRequest = (u64, OutboundMessage);

impl Outbox {
    /// Starts the task of an outbox, which waits for at most `max_wait` while the client takes no messages.
    pub(crate) fn start(client: &Client, calls: WaitingCalls, max_wait: Duration) -> Self {
        let (queue, requests) = mpsc::channel(CAPACITY);
        tokio::spawn(send_requests(client.clone(), calls, max_wait, requests));
        Self {
            client: client.clone(),
            queue,
        }
    }

    /// Sends the request of a call, together with those of other calls unless it is the only one. The request of a call that is
    /// dropped before that is not sent.
    ///
    /// # Errors
    ///
    /// Returns the error of a request that cannot be sent, if that is known at once. Otherwise it is the answer of the call.
    pub(crate) async fn send(
        &self,
        call: u64,
        is_only: bool,
        message: OutboundMessage,
    ) -> Result<(), PublishError> {
        if is_only {
            return self.client.publish_message(message).await;
        }
        match self.queue.send((call, message)).await {
            Ok(()) => Ok(()),
            // The task has ended with its runtime, and so has the client.
            Err(unsent) => self.client.publish_message(unsent.0.1).await,
        }
    }
}

async fn send_requests(
    client: Client,
    calls: WaitingCalls,
    max_wait: Duration,
    mut queue: mpsc::Receiver<QueuedRequest>,
) {
    let mut requests = Vec::new();
    while queue.recv_many(&mut requests, CAPACITY).await > 0 {
        yield_now().await;
        while let Ok(request) = queue.try_recv() {
            requests.push(request);
        }
        calls.retain_waiting(&mut requests, |(call, _)| *call);
        let until = deadline_after(max_wait);
        for (call, message) in requests.drain(..) {
            match until_deadline(until, client.publish_message(message)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => calls.end_unsent(call, Some(error)),
                None => calls.end_unsent(call, None),
            }
        }
    }
}
