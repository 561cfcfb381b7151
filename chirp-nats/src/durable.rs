use std::fmt;
use std::io;
use std::sync::Arc;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::{self, Context};
use chirp_runtime::packet::FrameworkError;
use chirp_runtime::peer::{
    Answered, AsCaller, CallError, Caller, ClientLayer, ClientNext, OutgoingCall, OutgoingFuture,
    PacketRole,
};
use chirp_runtime::session::LimitOwner;

use crate::caller::{CallMessage, connected, handed_over, rejected};
use crate::connection::NatsLink;

/// Makes one-way calls that are stored in a stream of JetStream and run at least once. Clients can be created from it.
///
/// A call is ready when the stream has stored it. It is run by a server that was started with
/// [`NatsServerBuilder::durable`](crate::NatsServerBuilder::durable), also one that starts later, and it is acknowledged
/// after its handler has run. If the server dies meanwhile, or the handler panics, it is run again: **at least once**,
/// so a handler must bear repetitions.
///
/// The call fails with [`CallError::NotConnected`] if no stream has its subject, also for the moment in which a cluster elects another
/// leader of the stream, and nothing is stored. With
/// [`CallError::ConnectionLost`] it may have been stored: the stream has not confirmed it within 5 s. Calls that have an answer fail with
/// [`FrameworkError::Unsupported`].
#[derive(Clone)]
pub struct DurableCaller {
    calls: DurableCalls,
}

impl DurableCaller {
    pub(crate) fn new(link: Arc<NatsLink>) -> Self {
        let context = jetstream::new(link.client.clone());
        Self {
            calls: DurableCalls { link, context },
        }
    }
}

impl AsCaller for DurableCaller {
    fn as_caller(&self) -> Caller {
        Caller::unbound().with_layer(self.calls.clone())
    }
}

impl fmt::Debug for DurableCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableCaller").finish_non_exhaustive()
    }
}

/// The innermost layer: it stores calls.
#[derive(Clone)]
struct DurableCalls {
    link: Arc<NatsLink>,
    context: Context,
}

impl ClientLayer for DurableCalls {
    fn call(&self, call: OutgoingCall, _: ClientNext) -> OutgoingFuture {
        let calls = self.clone();
        Box::pin(async move { calls.store(&call).await })
    }
}

impl DurableCalls {
    async fn store(&self, call: &OutgoingCall) -> Result<Answered, CallError> {
        if !call.is_one_way() {
            let text = "only one-way calls are durable";
            return Err(rejected(FrameworkError::Unsupported, text));
        }
        let message = CallMessage::new(call)?;
        connected(&self.link).await?;
        let subject = self.link.subjects.durable(message.method.as_bytes());
        let headers = message.fields.encode();
        let sent = self
            .context
            .publish_with_headers(subject, headers, message.params);
        let stored = match handed_over(&self.link, sent).await? {
            Ok(stored) => stored.await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(_) => Ok(bytes::Bytes::new().into()),
            Err(error) => Err(match error.kind() {
                PublishErrorKind::StreamNotFound => {
                    let reason = "no stream of JetStream has the subject, or it has no leader now";
                    CallError::NotConnected(reason.into())
                }
                PublishErrorKind::MaxPayloadExceeded => CallError::TooLarge {
                    what: PacketRole::Request,
                    whose: LimitOwner::OtherSide,
                    limit: self.link.client.max_payload() as u64,
                },
                _ => CallError::ConnectionLost(io::Error::other(error.to_string()).into()),
            }),
        }
    }
}
