//! The answers of calls: one subscription, and a table of the calls that wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_nats::{Client, Message, PublishError, Subject, Subscriber};
use bytes::Bytes;
use chirp_runtime::peer::MethodName;
use foldhash::fast::RandomState;
use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::connection::soon;
use crate::error::NatsError;
use crate::headers;
use crate::subject::Subjects;

/// The time between two signs of life of a running call.
pub(crate) const BEAT: Duration = Duration::from_secs(2);

/// The time that a call waits without a sign of life: three beats.
pub(crate) const SILENCE: Duration = Duration::from_secs(6);

/// The most messages that are handed to their calls at once.
const BATCH: usize = 64;

/// The table of waiting calls. Dropping it ends the subscription.
pub(crate) struct Inbox {
    /// The subject without the number of a call.
    prefix: String,
    subjects: Subjects,
    waiting: WaitingCalls,
    cancels: mpsc::UnboundedSender<CancelledCall>,
    /// Ends the task that receives answers when it is dropped.
    _open: oneshot::Sender<()>,
}

/// The calls that wait for answers, by their numbers.
#[derive(Clone, Default)]
pub(crate) struct WaitingCalls(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    calls: HashMap<u64, Waiter, RandomState>,
}

enum Waiter {
    /// One answer is awaited. The method may be told to stop.
    One {
        answer: oneshot::Sender<Arrival>,
        /// When the last sign of life came. `None` if none is expected.
        heard: Option<Instant>,
        /// The subject of the server that runs the call, once it has sent a beat.
        worker: Option<String>,
    },
    /// Several answers are awaited.
    Many {
        answers: mpsc::UnboundedSender<ManyArrival>,
        /// The answers and bytes that may still come: anyone who knows the subject can send any number of them.
        room: usize,
        bytes: usize,
    },
}

/// One of several answers that are awaited, or their end.
pub(crate) enum ManyArrival {
    Answer(Message),
    /// The answers have more bytes than they may have.
    Full,
}

/// The end of the wait for one answer.
pub(crate) enum Arrival {
    Answer(Message),
    /// No sign of life has come for some time.
    Silent,
    /// The request was not sent, with the error of the client of NATS, or because the client takes no messages.
    Unsent(Option<PublishError>),
}

/// A call that was given up.
struct CancelledCall {
    subject: String,
    reply: Subject,
}

impl Inbox {
    /// Subscribes to the answers.
    ///
    /// # Errors
    ///
    /// [`NatsError::Closed`] if there is no connection any more.
    pub(crate) async fn start(client: &Client, subjects: &Subjects) -> Result<Self, NatsError> {
        let mut prefix = client.new_inbox();
        prefix.push('.');
        let answers = client.subscribe(format!("{prefix}>")).await;
        let answers = answers.map_err(|_| NatsError::Closed)?;
        let waiting = WaitingCalls::default();
        let (cancels, cancelled) = mpsc::unbounded_channel();
        let (open, closed) = oneshot::channel();
        let task = InboxTask {
            prefix: prefix.len(),
            waiting: waiting.clone(),
            answers,
            subjects: subjects.clone(),
        };
        tokio::spawn(task.run(closed));
        tokio::spawn(send_cancels(client.clone(), cancelled));
        Ok(Self {
            _open: open,
            prefix,
            subjects: subjects.clone(),
            waiting,
            cancels,
        })
    }

    /// Returns the calls that wait.
    pub(crate) fn waiting(&self) -> WaitingCalls {
        self.waiting.clone()
    }

    /// Returns the number of a call, whether no other call waits, and the subject for its answers.
    fn insert(&self, waiter: Waiter, token: Option<u64>) -> (u64, bool, Subject) {
        let mut waiting = self.waiting.lock();
        let id = waiting.next;
        waiting.next += 1;
        waiting.calls.insert(id, waiter);
        let is_only = waiting.calls.len() == 1;
        drop(waiting);
        let subject = headers::reply_subject(&self.prefix, id, token);
        (id, is_only, subject.into())
    }

    /// Waits for one answer to the returned subject, which ends with `token` if there is one. With `beats`, the wait ends when no
    /// sign of life comes any more.
    pub(crate) fn expect_one(
        &self,
        beats: bool,
        token: Option<u64>,
    ) -> (Subject, PendingReply<'_>) {
        let (sender, answer) = oneshot::channel();
        let (id, is_only, subject) = self.insert(
            Waiter::One {
                answer: sender,
                heard: beats.then(Instant::now),
                worker: None,
            },
            token,
        );
        let pending = PendingReply {
            inbox: self,
            id,
            is_only,
            is_over: false,
            answer,
            cancel: None,
        };
        (subject, pending)
    }

    /// Waits for answers to the returned subject. Beyond `max` answers further ones are ignored, and beyond `bytes` they end.
    pub(crate) fn expect_many(
        &self,
        max: usize,
        bytes: usize,
        token: Option<u64>,
    ) -> (Subject, PendingReplies<'_>) {
        let (sender, answers) = mpsc::unbounded_channel();
        let waiter = Waiter::Many {
            answers: sender,
            room: max,
            bytes,
        };
        let (id, _, subject) = self.insert(waiter, token);
        let pending = PendingReplies {
            inbox: self,
            id,
            answers,
            cancel: None,
        };
        (subject, pending)
    }

    /// The number of waiting calls.
    pub(crate) fn len(&self) -> usize {
        self.waiting.lock().calls.len()
    }

    /// Tells servers that nobody waits for the call any more. Queued, since it happens when futures are dropped.
    fn cancel(&self, (method, reply): (MethodName, Subject), worker: Option<String>) {
        let subject = worker.unwrap_or_else(|| self.subjects.everyone(method.as_bytes()));
        // The task has ended only if the connection is closed.
        let _ = self.cancels.send(CancelledCall { subject, reply });
    }
}

/// One answer that is awaited. Dropping it cancels the call, unless the answer has come.
pub(crate) struct PendingReply<'i> {
    inbox: &'i Inbox,
    id: u64,
    /// No other call waited when this one began.
    is_only: bool,
    /// The call does not wait any more.
    is_over: bool,
    answer: oneshot::Receiver<Arrival>,
    /// The method without the suffix for JSON, and the subject of the answer.
    cancel: Option<(MethodName, Subject)>,
}

impl PendingReply<'_> {
    /// Returns the number of the call.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns whether no other call waited when this one began.
    pub(crate) fn is_only(&self) -> bool {
        self.is_only
    }

    /// Has the servers of the method told if the call is given up.
    pub(crate) fn cancel_at(&mut self, method: MethodName, reply: Subject) {
        self.cancel = Some((method, reply));
    }
}

impl Future for PendingReply<'_> {
    type Output = Result<Arrival, oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let arrival = ready!(Pin::new(&mut self.answer).poll(cx));
        self.is_over = true;
        if let (Ok(Arrival::Silent), Some(cancel)) = (&arrival, self.cancel.take()) {
            // The server may still run the call, if only its signs of life were lost.
            self.inbox.cancel(cancel, None);
        }
        Poll::Ready(arrival)
    }
}

impl Drop for PendingReply<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let waiter = self.inbox.waiting.lock().calls.remove(&self.id);
        if let (Some(Waiter::One { worker, .. }), Some(cancel)) = (waiter, self.cancel.take()) {
            self.inbox.cancel(cancel, worker);
        }
    }
}

/// Answers that are awaited. Dropping it cancels what still runs.
pub(crate) struct PendingReplies<'i> {
    inbox: &'i Inbox,
    id: u64,
    answers: mpsc::UnboundedReceiver<ManyArrival>,
    cancel: Option<(MethodName, Subject)>,
}

impl PendingReplies<'_> {
    /// Has the servers of the method told when no more answers are awaited.
    pub(crate) fn cancel_at(&mut self, method: MethodName, reply: Subject) {
        self.cancel = Some((method, reply));
    }

    /// Nothing runs any more that would have to be told.
    pub(crate) fn is_over(&mut self) {
        self.cancel = None;
    }

    pub(crate) async fn next(&mut self) -> Option<ManyArrival> {
        self.answers.recv().await
    }
}

impl Drop for PendingReplies<'_> {
    fn drop(&mut self) {
        self.inbox.waiting.lock().calls.remove(&self.id);
        if let Some(cancel) = self.cancel.take() {
            self.inbox.cancel(cancel, None);
        }
    }
}

impl WaitingCalls {
    /// Keeps the requests of calls that still wait. The servers have the whole time from now on to send a sign of life.
    pub(crate) fn retain_waiting<T>(&self, requests: &mut Vec<T>, call: impl Fn(&T) -> u64) {
        let now = Instant::now();
        let mut waiting = self.lock();
        requests.retain(|request| {
            let waiter = waiting.calls.get_mut(&call(request));
            if let Some(Waiter::One {
                heard: Some(heard), ..
            }) = waiter
            {
                *heard = now;
                return true;
            }
            waiter.is_some()
        });
    }

    /// Ends the wait of a call whose request was not sent.
    pub(crate) fn end_unsent(&self, call: u64, error: Option<PublishError>) {
        let waiter = self.lock().calls.remove(&call);
        if let Some(Waiter::One { answer, .. }) = waiter {
            // Sending fails if the call has just been dropped.
            let _ = answer.send(Arrival::Unsent(error));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells servers of calls that were given up. A task of its own, so that no answer waits for a connection that takes no messages.
async fn send_cancels(client: Client, mut cancelled: mpsc::UnboundedReceiver<CancelledCall>) {
    while let Some(CancelledCall { subject, reply }) = cancelled.recv().await {
        let headers = headers::cancel(&reply);
        // Without a connection there is nothing to cancel.
        let _ = soon(client.publish_with_headers(subject, headers, Bytes::new())).await;
    }
}

/// The task that hands answers to the calls that wait for them.
struct InboxTask {
    /// The length of the subject without the number.
    prefix: usize,
    waiting: WaitingCalls,
    answers: Subscriber,
    subjects: Subjects,
}

impl InboxTask {
    async fn run(mut self, mut closed: oneshot::Receiver<()>) {
        let mut checks = interval(BEAT / 4);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                open = poll_fn(|cx| poll_batch(&mut self.answers, &mut batch, cx)) => {
                    if !open {
                        break;
                    }
                    self.deliver(&mut batch);
                }
                _ = &mut closed => break,
                _ = checks.tick() => self.end_silent(),
            }
        }
        // Waiting calls learn that their channels have ended.
        self.waiting.lock().calls.clear();
    }

    /// Hands messages to the calls that wait for them.
    fn deliver(&self, batch: &mut Vec<Message>) {
        let mut answered = Vec::with_capacity(batch.len());
        let mut waiting = self.waiting.lock();
        for message in batch.drain(..) {
            let id = message.subject.get(self.prefix..);
            let id = id.map(|id| id.split_once('.').map_or(id, |(id, _)| id));
            let Some(id) = id.and_then(|id| id.parse().ok()) else {
                continue;
            };
            let Entry::Occupied(mut waiter) = waiting.calls.entry(id) else {
                continue;
            };
            let beat = message.headers.as_ref().and_then(headers::running);
            match (waiter.get_mut(), beat) {
                (Waiter::One { heard, worker, .. }, Some(from)) => {
                    *heard = Some(Instant::now());
                    // A cancel is sent there with the rights of this side.
                    *worker = Some(from.to_owned()).filter(|from| self.subjects.is_worker(from));
                }
                (
                    Waiter::Many {
                        answers,
                        room,
                        bytes,
                    },
                    None,
                ) if *room > 0 => {
                    *room -= 1;
                    let arrival = if let Some(left) = bytes.checked_sub(message.length) {
                        *bytes = left;
                        ManyArrival::Answer(message)
                    } else {
                        *room = 0;
                        ManyArrival::Full
                    };
                    // The receiver removes the entry when it is dropped.
                    let _ = answers.send(arrival);
                }
                (Waiter::One { .. }, None) => {
                    if let Waiter::One { answer, .. } = waiter.remove() {
                        answered.push((answer, message));
                    }
                }
                (Waiter::Many { .. }, _) => {}
            }
        }
        drop(waiting);
        for (answer, message) in answered {
            // Sending fails if the call has just been dropped.
            let _ = answer.send(Arrival::Answer(message));
        }
    }

    /// Ends the calls that have had no sign of life.
    fn end_silent(&self) {
        let now = Instant::now();
        let silent = {
            let mut waiting = self.waiting.lock();
            let is_silent = |_: &u64, waiter: &mut Waiter| matches!(waiter, Waiter::One { heard: Some(heard), .. } if now.duration_since(*heard) > SILENCE);
            waiting.calls.extract_if(is_silent).collect::<Vec<_>>()
        };
        for (_, waiter) in silent {
            if let Waiter::One { answer, .. } = waiter {
                let _ = answer.send(Arrival::Silent);
            }
        }
    }
}

/// Takes the messages that have arrived, up to a batch. Returns `false` if there will be none.
fn poll_batch(
    answers: &mut Subscriber,
    batch: &mut Vec<Message>,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    while batch.len() < BATCH {
        match Pin::new(&mut *answers).poll_next(cx) {
            Poll::Ready(Some(message)) => batch.push(message),
            Poll::Ready(None) if batch.is_empty() => return Poll::Ready(false),
            Poll::Pending if batch.is_empty() => return Poll::Pending,
            Poll::Ready(None) | Poll::Pending => break,
        }
    }
    Poll::Ready(true)
}
