use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_nats::client::PublishErrorKind;
use async_nats::{HeaderMap, Message, Subject, Subscriber};
use bytes::Bytes;
use chirp_runtime::channel::Identity;
use chirp_runtime::packet::FrameworkError;
use chirp_runtime::peer::{Call, CallError, Caller, Reply};
use futures_core::Stream;
use tokio::sync::{mpsc, watch};
use tokio::time::interval_at;

use super::endpoint::Endpoint;
use super::in_progress::{CallPlace, InProgress};
use super::response_batch::ResponseBatch;
use crate::connection::{NatsLink, at_once, soon};
use crate::headers::{self, ReplyError, RequestForm, RequestHeaders};
use crate::inbox::BEAT;

/// The time limit of calls of clients that are not Chirp's and set none.
const PLAIN_TIMEOUT: Duration = Duration::from_mins(1);

/// The parts of a server that its tasks share.
pub(super) struct SharedServer {
    pub(super) id: String,
    /// The subject of this server alone.
    pub(super) subject: String,
    /// Calls the services in this process.
    pub(super) caller: Caller,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) in_progress: Arc<InProgress>,
    pub(super) queue_group: String,
    pub(super) trust_request_info: bool,
    /// The deliveries after which a durable call whose handler panics is given up.
    pub(super) durable_attempts: Option<u32>,
    /// The beginnings of subjects for answers that do not begin with `_`.
    pub(super) inboxes: Vec<String>,
    pub(super) link: Arc<NatsLink>,
}

/// The phases of a server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Phase {
    Open,
    /// No new requests are routed here. Those on their way are received.
    Unsubscribing,
    /// Every request has arrived in this process.
    Finishing,
}

/// The signals of a server to the tasks that receive messages, and back.
#[derive(Clone)]
pub(super) struct PhaseSignals {
    pub(super) phase: watch::Receiver<Phase>,
    /// Dropped when the subscription has ended at the server of NATS.
    pub(super) subscribed: mpsc::Sender<()>,
}

/// The servers that a request is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// One server of the queue group.
    One,
    Everyone,
}

/// Receives the messages of one subscription.
pub(super) struct Reception {
    serving: Arc<SharedServer>,
    /// The index of the endpoint. `None` for the subject of the server, which receives cancels.
    endpoint: Option<usize>,
    audience: Audience,
    responses: ResponseBatch,
}

impl Reception {
    pub(super) fn requests(
        serving: &Arc<SharedServer>,
        endpoint: usize,
        audience: Audience,
    ) -> Self {
        Self {
            serving: Arc::clone(serving),
            endpoint: Some(endpoint),
            audience,
            responses: ResponseBatch::new(&serving.link),
        }
    }

    pub(super) fn cancels(serving: &Arc<SharedServer>) -> Self {
        Self {
            serving: Arc::clone(serving),
            endpoint: None,
            audience: Audience::One,
            responses: ResponseBatch::new(&serving.link),
        }
    }

    /// Receives messages until the server ends.
    pub(super) async fn run(mut self, messages: Subscriber, signals: PhaseSignals) {
        receive(messages, signals, &mut self).await;
    }
}

impl TakesMessages for Reception {
    async fn take(&mut self, message: Message) {
        let cancelled = message.headers.as_ref().and_then(headers::cancelled);
        if let Some(reply) = cancelled {
            self.serving.in_progress.cancel(reply);
            return;
        }
        let Some(endpoint) = self.endpoint else {
            return;
        };
        let mut fields = RequestHeaders::decode(message.headers.as_ref(), message.reply.as_deref());
        let in_progress = &self.serving.in_progress;
        if let Some(reply) = &message.reply {
            if !self.serving.may_answer(reply) {
                tracing::warn!("a request has no answer: `{reply}` is no inbox");
                return;
            }
            if in_progress.was_cancelled(reply) {
                return;
            }
        }
        let mut request = InboundMessage {
            serving: Arc::clone(&self.serving),
            endpoint,
            audience: self.audience,
            form: fields.form,
            reply: message.reply,
            started: Instant::now(),
            place: None,
        };
        let Some(place) = in_progress.enter() else {
            return request.refuse(FrameworkError::Overloaded).await;
        };
        request.place = Some(place);
        if let Some(error) = fields.invalid.take() {
            return request.finish(Err(CallError::Metadata(error))).await;
        }
        let identity = self.serving.identity(message.headers.as_ref());
        let mut call = request.call(message.payload, fields, identity);
        // Most handlers are ready at once, and need no task of their own.
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await {
            Poll::Ready(Ok(value)) if request.may_wait(&value) => {
                request.finish_in(&mut self.responses, value);
                if self.responses.is_due() {
                    self.responses.send().await;
                }
            }
            Poll::Ready(answer) => request.finish(answer).await,
            Poll::Pending => {
                tokio::spawn(request.run(call));
            }
        }
    }

    async fn rest(&mut self) -> bool {
        self.responses.rest().await
    }
}

/// The use of the messages of a subscription.
pub(super) trait TakesMessages: Send {
    fn take(&mut self, message: Message) -> impl Future<Output = ()> + Send;

    /// Called while there are no messages. Returns `false` if there is nothing else to do.
    fn rest(&mut self) -> impl Future<Output = bool> + Send {
        async { false }
    }
}

/// Hands the messages of a subscription to `taker`, until the server ends and every message has been taken that was sent to it.
pub(super) async fn receive(
    mut messages: Subscriber,
    signals: PhaseSignals,
    taker: &mut impl TakesMessages,
) {
    let PhaseSignals {
        mut phase,
        subscribed,
    } = signals;
    if !receive_until(&mut messages, &mut phase, Phase::Unsubscribing, taker).await {
        return;
    }
    // The server of NATS reads a number of more than nine digits as none, and ends the subscription at once. The client keeps
    // it for messages that are on their way, while it discards them with `drain` and `unsubscribe`.
    if soon(messages.unsubscribe_after(u64::MAX)).await.is_none() {
        return;
    }
    drop(subscribed);
    if !receive_until(&mut messages, &mut phase, Phase::Finishing, taker).await {
        return;
    }
    if soon(messages.unsubscribe()).await.is_none() {
        return;
    }
    while let Some(message) = next(&mut messages).await {
        taker.take(message).await;
    }
    while taker.rest().await {}
}

/// Returns `false` if the subscription has ended, or the server was dropped.
async fn receive_until(
    messages: &mut Subscriber,
    phase: &mut watch::Receiver<Phase>,
    end: Phase,
    taker: &mut impl TakesMessages,
) -> bool {
    let open = take_until(messages, phase, end, taker).await;
    while taker.rest().await {}
    open
}

async fn take_until(
    messages: &mut Subscriber,
    phase: &mut watch::Receiver<Phase>,
    end: Phase,
    taker: &mut impl TakesMessages,
) -> bool {
    while *phase.borrow_and_update() < end {
        // There may be no end of messages, so the phase is looked at after each. That costs little, and a future does not.
        while let Ok(false) = phase.has_changed() {
            let next = poll_fn(|cx| Poll::Ready(Pin::new(&mut *messages).poll_next(cx)));
            match next.await {
                Poll::Ready(Some(message)) => taker.take(message).await,
                Poll::Ready(None) => return false,
                Poll::Pending if taker.rest().await => {}
                Poll::Pending => {
                    tokio::select! {
                        biased;
                        message = self::next(messages) => match message {
                            Some(message) => taker.take(message).await,
                            None => return false,
                        },
                        _ = phase.changed() => break,
                    }
                }
            }
        }
        if phase.has_changed().is_err() {
            return false;
        }
    }
    true
}

async fn next(messages: &mut Subscriber) -> Option<Message> {
    poll_fn(|cx| Pin::new(&mut *messages).poll_next(cx)).await
}

impl SharedServer {
    /// Returns whether an answer may be sent to a subject.
    pub(super) fn may_answer(&self, reply: &str) -> bool {
        let mut inboxes = self.inboxes.iter();
        self.link.may_answer(reply) || inboxes.any(|inbox| reply.starts_with(&**inbox))
    }

    /// The identity of a caller, as a server of NATS tells it.
    fn identity(&self, headers: Option<&HeaderMap>) -> Option<Identity> {
        #[derive(serde::Deserialize)]
        struct RequestInfo {
            user: Option<String>,
            acc: Option<String>,
        }
        if !self.trust_request_info {
            return None;
        }
        let info = headers.and_then(headers::request_info)?;
        let info: RequestInfo = serde_json::from_str(info).ok()?;
        let name = info.user.or(info.acc)?;
        Some(Identity::Account(name.into()))
    }
}

/// A request that has a place at the server.
pub(super) struct InboundMessage {
    pub(super) serving: Arc<SharedServer>,
    pub(super) endpoint: usize,
    pub(super) audience: Audience,
    pub(super) form: RequestForm,
    /// The subject of the answer. `None` for one-way calls.
    pub(super) reply: Option<Subject>,
    pub(super) started: Instant,
    pub(super) place: Option<CallPlace>,
}

impl InboundMessage {
    fn endpoint(&self) -> &Endpoint {
        &self.serving.endpoints[self.endpoint]
    }

    /// The call of the method in this process.
    pub(super) fn call(
        &self,
        params: Bytes,
        fields: RequestHeaders,
        identity: Option<Identity>,
    ) -> Call<Bytes> {
        let endpoint = self.endpoint();
        let (method, params) = match self.form {
            RequestForm::Native => (&endpoint.native, params),
            // A request without a body has no arguments.
            _ if params.is_empty() => (&endpoint.json, Bytes::from_static(b"{}")),
            _ => (&endpoint.json, params),
        };
        let mut call = self.serving.caller.call(method.clone(), params);
        // Other clients cannot cancel a call when they have given it up.
        let gives_up = self.form == RequestForm::Plain && self.reply.is_some();
        if let Some(timeout) = fields.timeout.or(gives_up.then_some(PLAIN_TIMEOUT)) {
            call = call.timeout(timeout);
        }
        if let Some(trace) = fields.trace {
            call = call.trace(trace);
        }
        if !fields.metadata.is_empty() {
            call = call.all_metadata(&fields.metadata);
        }
        if let Some(identity) = identity {
            call = call.identity(identity);
        }
        call
    }

    /// Runs a call that takes longer: it can be cancelled, and its caller gets signs of life.
    async fn run(self, mut call: Call<Bytes>) {
        let serving = Arc::clone(&self.serving);
        let in_progress = &serving.in_progress;
        let noted = match &self.reply {
            Some(reply) => in_progress.note(reply),
            None => in_progress.note_one_way(),
        };
        let first = tokio::time::Instant::now() + BEAT;
        let mut beats = interval_at(first, BEAT);
        let with_beats = self.form != RequestForm::Plain && self.audience == Audience::One;
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut call => break Some(answer),
                () = noted.cancelled() => break None,
                _ = beats.tick(), if with_beats => self.beat().await,
            }
        };
        drop(noted);
        // The handler is dropped before its place is free.
        drop(call);
        match answer {
            Some(answer) => self.finish(answer).await,
            None if in_progress.is_interrupted() => self.refuse(FrameworkError::NoReply).await,
            None => self.endpoint().numbers.count(self.started.elapsed()),
        }
    }

    /// Sends a sign of life.
    async fn beat(&self) {
        if let Some(reply) = &self.reply {
            let headers = headers::beat(&self.serving.subject);
            let client = &self.serving.link.client;
            let beat = client.publish_with_headers(reply.clone(), headers, Bytes::new());
            // The caller gives up after three beats that do not come. The handler must not wait for them.
            let _ = at_once(beat).await;
        }
    }

    async fn refuse(self, reason: FrameworkError) {
        let error = CallError::from_error_data(reason.into());
        self.finish(Err(error)).await;
    }

    /// Returns `true` if a result can be sent with others: it fits, and the call's own task need not learn of a failure.
    fn may_wait(&self, value: &Bytes) -> bool {
        let limit = self.serving.link.client.max_payload();
        self.audience == Audience::One && value.len() <= limit
    }

    /// Counts the call, and leaves its result to be sent with others.
    fn finish_in(self, responses: &mut ResponseBatch, value: Bytes) {
        let now = Instant::now();
        let numbers = &self.endpoint().numbers;
        numbers.count(now.duration_since(self.started));
        if let Some(reply) = self.reply {
            responses.push(reply, value, now);
        }
    }

    /// Sends the answer, and counts the call.
    pub(super) async fn finish(mut self, answer: Result<Bytes, CallError>) {
        let numbers = &self.endpoint().numbers;
        numbers.count(self.started.elapsed());
        let error = match answer {
            Ok(value) => self.respond(HeaderMap::new(), value).await.err(),
            Err(error) => match Reply::forwarded(Err::<Bytes, _>(error)) {
                Reply::Error(error) => Some(ReplyError::Service(error)),
                _ => Some(ReplyError::Unknown),
            },
        };
        if let Some(error) = error {
            let text = match &error {
                ReplyError::Unknown => "unknown method",
                ReplyError::Service(error) => &error.message,
            };
            numbers.count_error(text);
            let (headers, body) = error.encode(self.form);
            if let Err(ReplyError::Service(error)) = self.respond(headers, body).await {
                tracing::warn!(
                    "{} has no answer: {}",
                    self.endpoint().subject,
                    error.message
                );
            }
        }
        self.place = None;
    }

    /// # Errors
    ///
    /// Returns the error that the caller gets in place of an answer over the limit.
    async fn respond(&self, mut headers: HeaderMap, body: Bytes) -> Result<(), ReplyError> {
        let Some(reply) = self.reply.clone() else {
            return Ok(());
        };
        let client = &self.serving.link.client;
        if self.audience == Audience::Everyone {
            headers::set_worker(&mut headers, &self.serving.id);
        }
        let sent = if headers.is_empty() {
            soon(client.publish(reply, body)).await
        } else {
            soon(client.publish_with_headers(reply, headers, body)).await
        };
        let Some(sent) = sent else {
            tracing::warn!("an answer was not sent: the connection to NATS takes no messages");
            return Ok(());
        };
        match sent {
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                let limit = client.max_payload();
                let detail = format!("it is over the limit of the NATS server, {limit} bytes");
                let error = FrameworkError::InvalidResult.to_error_data(&detail);
                Err(ReplyError::Service(error))
            }
            Err(error) => {
                tracing::warn!("an answer was not sent: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
