use std::collections::HashSet;
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::client::traits::Publisher as _;
use async_nats::message::OutboundMessage;
use async_nats::{Message, StatusCode};
use chirp_runtime::node::{Answer, GatherTemplate};
use chirp_runtime::peer::{
    CallError, Caller, ClientLayer, ClientNext, OutgoingCall, OutgoingFuture,
};
use tokio::time::Instant;

use crate::caller::{CallMessage, answered, connected, handed_over, unsent};
use crate::connection::{NatsLink, until_deadline};
use crate::headers;
use crate::inbox::ManyArrival;

/// The time after the last answer in which another is awaited.
const QUIET: Duration = Duration::from_millis(300);

/// The longest time for all answers.
const TOTAL: Duration = Duration::from_secs(5);

/// The most answers.
const MAX_ANSWERS: usize = 10_000;

/// The most bytes of all answers.
const MAX_BYTES: usize = 64 << 20;

/// Every server that has a method: see [`Nats::everyone`](crate::Nats::everyone).
#[derive(Clone)]
pub struct Everyone {
    link: Arc<NatsLink>,
}

impl Everyone {
    pub(crate) fn new(link: Arc<NatsLink>) -> Self {
        Self { link }
    }

    /// Sends a call to every server that has the method, as one message, and collects the answers. A client makes the call, also one
    /// without a connection: `nats.everyone().gather(ArithClient::unbound().sum_diff(1, 2))`.
    ///
    /// The call must not have been sent, and must have no streams.
    pub fn gather<C: GatherTemplate>(&self, call: C) -> Multicast<C> {
        Multicast {
            link: Arc::clone(&self.link),
            call,
            expected: None,
            quiet: QUIET,
            total: TOTAL,
            max: MAX_ANSWERS,
            max_bytes: MAX_BYTES,
        }
    }
}

impl fmt::Debug for Everyone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Everyone").finish_non_exhaustive()
    }
}

/// A call to every server of a method, whose answers are collected when it is awaited.
///
/// How many servers there are is not known, so the end has to be chosen: a number of answers ([`expect`](Self::expect)), or a
/// time without another one ([`quiet`](Self::quiet)), and in any case a time for all ([`timeout`](Self::timeout)) and a
/// greatest number ([`max`](Self::max)) and size ([`max_bytes`](Self::max_bytes)). A second answer of one server is ignored. Without any server it ends at once. Handlers that run at the end are cancelled.
///
/// ```no_run
/// # use std::time::Duration;
/// # use chirp_nats::Nats;
/// # use chirp_runtime::peer::{Call, CallError};
/// # async fn ask(nats: Nats, load: Call<f64>) -> Result<(), CallError> {
/// let loads = nats.everyone().gather(load).expect(12).timeout(Duration::from_secs(1)).await?;
/// for answer in &loads.answers {
///     println!("{}: {:?}", answer.from, answer.result);
/// }
/// if !loads.is_complete() {
///     println!("some of the twelve did not answer");
/// }
/// # Ok(()) }
/// ```
#[must_use = "the call is sent when this is awaited"]
pub struct Multicast<C> {
    link: Arc<NatsLink>,
    call: C,
    expected: Option<usize>,
    quiet: Duration,
    total: Duration,
    max: usize,
    max_bytes: usize,
}

impl<C> Multicast<C> {
    /// Ends with this number of answers, and not when none comes for a time.
    pub fn expect(mut self, answers: usize) -> Self {
        self.expected = Some(answers);
        self
    }

    /// Ends when no answer has come for this time after the last one, 300 ms by default. It has no effect if a number of
    /// answers is expected.
    pub fn quiet(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// Ends after this time, 5 s by default.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Ends with this number of answers, 10,000 by default. Further ones are discarded.
    pub fn max(mut self, answers: usize) -> Self {
        self.max = answers;
        self
    }

    /// Ends when the answers together have more bytes than this, 64 MiB by default. The answer beyond is discarded.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

impl<C> fmt::Debug for Multicast<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multicast")
            .field("expected", &self.expected)
            .field("quiet", &self.quiet)
            .field("total", &self.total)
            .field("max", &self.max)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// The answers to a [`Multicast`].
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered<T, E = CallError> {
    /// The answers in order of arrival, each with the id of its server
    /// ([`NatsServer::id`](crate::NatsServer::id)).
    pub answers: Vec<Answer<T, E>>,
    /// The reason why no more answers were awaited.
    pub end: MulticastEnd,
}

impl<T, E> Gathered<T, E> {
    /// Returns `true` if every server has answered as far as that can be known: as many as were expected, or there is none.
    pub fn is_complete(&self) -> bool {
        matches!(self.end, MulticastEnd::Expected | MulticastEnd::NoServers)
    }
}

/// The reason why a [`Multicast`] awaits no more answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MulticastEnd {
    /// As many answers have come as were expected.
    Expected,
    /// No server has the method.
    NoServers,
    /// No answer has come for the time that was set.
    Quiet,
    /// The time for all answers is over.
    TimedOut,
    /// The greatest number of answers has come, or of their bytes.
    Full,
    /// The call is one-way: nobody answers.
    OneWay,
    /// The connection to NATS was closed.
    Closed,
}

impl<C> IntoFuture for Multicast<C>
where
    C: GatherTemplate + Send + 'static,
    C::Output: Send + 'static,
    C::Error: From<CallError> + Send + 'static,
{
    type Output = Result<Gathered<C::Output, C::Error>, C::Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Sends the call and collects the answers. Dropping the future cancels what runs.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<C> Multicast<C>
where
    C: GatherTemplate + Send,
    C::Output: Send,
    C::Error: From<CallError> + Send,
{
    async fn run(mut self) -> Result<Gathered<C::Output, C::Error>, C::Error> {
        let link = Arc::clone(&self.link);
        let until = Instant::now() + self.total;
        let captured = CaptureCall::default();
        let caller = Caller::unbound().with_layer(captured.clone());
        let sent = self.call.for_target(&caller).await;
        let Some(call) = captured.take() else {
            // The template has no call to send.
            return Err(match sent {
                Err(error) => error,
                Ok(_) => CallError::Unbound.into(),
            });
        };
        let mut message = CallMessage::new(&call)?;
        message.fields.timeout.get_or_insert(self.total);
        connected(&link).await?;
        let everyone = link.subjects.everyone(message.method.as_bytes());
        if call.is_one_way() {
            let headers = message.fields.encode();
            let sent = link
                .client
                .publish_with_headers(everyone, headers, message.params);
            let sent = handed_over(&link, sent).await?;
            sent.map_err(|error| unsent(&link, &error))?;
            return Ok(Gathered {
                answers: Vec::new(),
                end: MulticastEnd::OneWay,
            });
        }
        // Headers would be read by every server.
        let token = message.fields.token();
        let (reply, mut replies) = link.inbox.expect_many(self.max, self.max_bytes, token);
        let sent = link.client.publish_message(OutboundMessage {
            subject: everyone.into(),
            reply: Some(reply.clone()),
            payload: message.params,
            headers: token.is_none().then(|| message.fields.encode()),
        });
        let sent = handed_over(&link, sent).await?;
        sent.map_err(|error| unsent(&link, &error))?;
        replies.cancel_at(message.method, reply);
        let arrived = ArrivedAnswer::default();
        let caller = Caller::unbound().with_layer(arrived.clone());
        let mut answers = Vec::new();
        let mut known = HashSet::new();
        let end = loop {
            if self.expected == Some(answers.len()) {
                break MulticastEnd::Expected;
            }
            if answers.len() >= self.max {
                break MulticastEnd::Full;
            }
            let quiet = self.expected.is_none() && !answers.is_empty();
            let wait = if quiet {
                until.min(Instant::now() + self.quiet)
            } else {
                until
            };
            match until_deadline(wait, replies.next()).await {
                Some(Some(ManyArrival::Answer(message)))
                    if message.status == Some(StatusCode::NO_RESPONDERS) =>
                {
                    break MulticastEnd::NoServers;
                }
                Some(Some(ManyArrival::Answer(message))) => {
                    let headers = message.headers.as_ref();
                    let from = headers.and_then(headers::worker).unwrap_or_default().into();
                    arrived.put(message);
                    let result = self.call.for_target(&caller).await;
                    let answer = Answer { from, result };
                    // Responders that are no Chirp servers have no id.
                    if answer.from.is_empty() || known.insert(answer.from.clone()) {
                        answers.push(answer);
                    }
                }
                Some(Some(ManyArrival::Full)) => break MulticastEnd::Full,
                Some(None) => break MulticastEnd::Closed,
                None if wait < until => break MulticastEnd::Quiet,
                None => break MulticastEnd::TimedOut,
            }
        };
        if matches!(end, MulticastEnd::Expected | MulticastEnd::NoServers) {
            replies.is_over();
        }
        Ok(Gathered { answers, end })
    }
}

/// A layer that keeps a call in place of sending it.
#[derive(Clone, Default)]
struct CaptureCall(Arc<Mutex<Option<OutgoingCall>>>);

impl CaptureCall {
    fn take(&self) -> Option<OutgoingCall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientLayer for CaptureCall {
    fn call(&self, call: OutgoingCall, _: ClientNext) -> OutgoingFuture {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
        Box::pin(async { Err(CallError::Unbound) })
    }
}

/// A layer that answers its call with a message.
#[derive(Clone, Default)]
struct ArrivedAnswer(Arc<Mutex<Option<Message>>>);

impl ArrivedAnswer {
    fn put(&self, message: Message) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }
}

impl ClientLayer for ArrivedAnswer {
    fn call(&self, _: OutgoingCall, _: ClientNext) -> OutgoingFuture {
        let message = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move { message.map_or(Err(CallError::Unbound), answered) })
    }
}
