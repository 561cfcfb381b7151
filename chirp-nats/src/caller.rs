use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::StatusCode;
use async_nats::client::PublishErrorKind;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use chirp_runtime::packet::{FrameworkError, JSON_SUFFIX};
use chirp_runtime::peer::{
    Answered, AsCaller, CallError, CallSite, Caller, ClientLayer, ClientNext, ConnectionError,
    MethodName, OutgoingCall, OutgoingFuture, PacketRole,
};
use chirp_runtime::session::LimitOwner;

use crate::connection::{NatsLink, within};
use crate::headers::{ReplyError, RequestForm, RequestHeaders};
use crate::inbox::{Arrival, SILENCE};

/// The time limit of calls that have none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes calls to servers of a NATS cluster. Clients can be created from it.
///
/// A call goes to one of the servers that have the method, and lasts at most 10 s unless it says otherwise. It fails
///
/// - with [`CallError::NotConnected`] within milliseconds if no server has the method, and after a while without a connection to
///   NATS: it was not sent, and a [`RetryPolicy`](chirp_runtime::peer::RetryPolicy) may repeat it;
/// - with [`CallError::ConnectionLost`] if the server that ran it has sent no sign of life for 6 s: it may have run, and only
///   idempotent calls are repeated;
/// - with [`FrameworkError::Unsupported`] if it has streams, which need a connection of their own.
///
/// A call that is dropped is cancelled where it runs. A one-way call is sent at most once, and nobody knows whether a server
/// had the method.
#[derive(Clone)]
pub struct NatsCaller {
    link: Arc<NatsLink>,
}

impl NatsCaller {
    pub(crate) fn new(link: Arc<NatsLink>) -> Self {
        Self { link }
    }
}

impl AsCaller for NatsCaller {
    fn as_caller(&self) -> Caller {
        let layer = NatsCalls {
            link: Arc::clone(&self.link),
        };
        Caller::unbound().with_layer(layer).with_timeout(TIMEOUT)
    }
}

impl fmt::Debug for NatsCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsCaller").finish_non_exhaustive()
    }
}

/// The innermost layer: it sends calls as messages, in place of a connection of Chirp.
struct NatsCalls {
    link: Arc<NatsLink>,
}

impl ClientLayer for NatsCalls {
    fn call(&self, call: OutgoingCall, _: ClientNext) -> OutgoingFuture {
        let link = Arc::clone(&self.link);
        Box::pin(async move { send(&link, &call).await })
    }
}

/// A call as a message.
pub(crate) struct CallMessage {
    /// The name without the suffix for JSON.
    pub(crate) method: MethodName,
    pub(crate) fields: RequestHeaders,
    pub(crate) params: Bytes,
}

impl CallMessage {
    /// # Errors
    ///
    /// Returns the error of a call that cannot be sent as one message.
    pub(crate) fn new(call: &OutgoingCall) -> Result<Self, CallError> {
        let Some(params) = call.params_bytes().filter(|_| !call.returns_stream()) else {
            return Err(rejected(
                FrameworkError::Unsupported,
                "calls with streams need a connection of their own",
            ));
        };
        let name = call.method().as_bytes();
        let json = name.strip_suffix(JSON_SUFFIX.as_bytes());
        let fields = RequestHeaders {
            form: if json.is_some() {
                RequestForm::Json
            } else {
                RequestForm::Native
            },
            timeout: time_left(call),
            trace: call.trace().cloned(),
            metadata: call.all_metadata()?,
            invalid: None,
        };
        Ok(Self {
            method: match json {
                None => call.method().clone(),
                Some(json) => Bytes::copy_from_slice(json).into(),
            },
            fields,
            params,
        })
    }
}

/// The time until the deadline of a call.
fn time_left(call: &OutgoingCall) -> Option<Duration> {
    let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
    call.deadline().map(left)
}

async fn send(link: &NatsLink, call: &OutgoingCall) -> Result<Answered, CallError> {
    let mut message = CallMessage::new(call)?;
    connected(link).await?;
    // The wait for a connection was part of the call's time.
    message.fields.timeout = time_left(call);
    let subject = link.subjects.method(message.method.as_bytes());
    let CallMessage {
        method,
        fields,
        params,
    } = message;
    if call.is_one_way() {
        let sent = link
            .client
            .publish_with_headers(subject, fields.encode(), params);
        let sent = handed_over(link, sent).await?;
        sent.map_err(|error| unsent(link, &error))?;
        return Ok(Bytes::new().into());
    }
    let token = fields.token();
    let beats = fields.form == RequestForm::Native;
    let (reply, mut answer) = link.inbox.expect_one(beats, token);
    let message = OutboundMessage {
        subject: subject.into(),
        reply: Some(reply.clone()),
        payload: params,
        headers: token.is_none().then(|| fields.encode()),
    };
    let sent = link.outbox.send(answer.id(), answer.is_only(), message);
    let sent = handed_over(link, sent).await?;
    sent.map_err(|error| unsent(link, &error))?;
    answer.cancel_at(method, reply);
    match answer.await {
        Ok(Arrival::Answer(answer)) => answered(answer),
        Ok(Arrival::Unsent(Some(error))) => Err(unsent(link, &error)),
        Ok(Arrival::Unsent(None)) => Err(stalled()),
        Ok(Arrival::Silent) => Err(CallError::ConnectionLost(ConnectionError::KeepAlive {
            silent: SILENCE,
        })),
        Err(_) => Err(CallError::ConnectionLost(ConnectionError::ClosedHere)),
    }
}

/// Waits for a connection to NATS.
pub(crate) async fn connected(link: &NatsLink) -> Result<(), CallError> {
    let connected = link.connected().await;
    connected.map_err(|reason| CallError::NotConnected(reason.into()))
}

/// Waits for a message to be handed to the client of NATS. Its queue is full while there is no connection, or the server does not
/// read.
///
/// # Errors
///
/// Returns the error of a call that was not sent if the queue stays full.
pub(crate) async fn handed_over<F: Future>(
    link: &NatsLink,
    send: F,
) -> Result<F::Output, CallError> {
    within(link.max_wait, send).await.ok_or_else(stalled)
}

/// The error of a call that was not sent because the queue of the client of NATS stays full.
fn stalled() -> CallError {
    CallError::NotConnected("the connection to NATS takes no messages".into())
}

/// Converts a response.
pub(crate) fn answered(message: async_nats::Message) -> Result<Answered, CallError> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        let reason = "no server of NATS knows a server of this method (no responders)";
        return Err(CallError::NotConnected(reason.into()));
    }
    let headers = message.headers.as_ref();
    match headers.and_then(|headers| ReplyError::decode(headers, &message.payload)) {
        None => Ok(message.payload.into()),
        Some(ReplyError::Unknown) => Err(CallError::UnknownMethod {
            site: CallSite::default(),
        }),
        Some(ReplyError::Service(error)) => Err(CallError::from_error_data(error)),
    }
}

/// Converts the error of a message that was not sent.
pub(crate) fn unsent(link: &NatsLink, error: &async_nats::PublishError) -> CallError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => CallError::TooLarge {
            what: PacketRole::Request,
            whose: LimitOwner::OtherSide,
            limit: link.client.max_payload() as u64,
        },
        _ => CallError::NotConnected(error.to_string().into()),
    }
}

pub(crate) fn rejected(reason: FrameworkError, detail: &str) -> CallError {
    CallError::from_error_data(reason.to_error_data(detail))
}
