//! Forwarding of calls to another peer: what arrives with a request leaves with it, and its outcome returns as if the caller
//! had called that peer directly.

use std::future::ready;

use crate::packet::{ErrorData, FrameworkError, MetadataError, Payload};
use crate::peer::client::answer::Answered;
use crate::peer::client::call_options::CallOptions;
use crate::peer::stream::forward::{Deliveries, relay_result};
use crate::peer::stream::producer::Producer;
use crate::peer::{
    Call, CallError, Caller, Handler, HandlerFuture, PacketRole, Reply, Request, StreamError,
};
use crate::session::LimitOwner;

/// Forwards each request with its streams, deadline, trace and metadata, and returns the response with its streams. A
/// response of *unknown method* is forwarded as such. Metadata that is forwarded is required
/// ([`Metadata`](crate::packet::Metadata)).
///
/// A handler that selects a target calls [`Handler::handle`] on the target's caller: [`call`](Caller::call) by name
/// does not forward streams.
impl Handler for Caller {
    fn is_proxy(&self) -> bool {
        true
    }

    fn handle(&self, request: Request) -> HandlerFuture {
        let options = CallOptions::forwarding(request.context());
        let (method, params, arrived) = request.into_call();
        let caller = self.clone();
        let Some(arrived) = arrived else {
            let call = Call::new(caller, method, Ok(params.into()), |answer, _| answer);
            let call = call.with_options(options);
            return Box::pin(async move { Reply::forwarded(call.await.map(Answered::forward)) });
        };
        let Some(mut forwarded) = arrived.forward() else {
            return Box::pin(ready(cannot_forward()));
        };
        let params = Ok(forwarded.payload(params));
        let deliveries = forwarded.deliveries;
        match forwarded.result {
            None => {
                let call = Call::new(caller, method, params, |answer, _| answer);
                let call = call.with_options(options);
                Box::pin(async move {
                    let answer = call.await;
                    if answer.is_ok() {
                        deliveries.ended().await;
                    }
                    Reply::forwarded(answer.map(Answered::forward))
                })
            }
            Some((producer, Some(codec))) => {
                let call = Call::streaming(caller, method, params, codec, |answer, _| answer);
                let call = call.with_options(options);
                Box::pin(async move { forward_result(call, producer, deliveries).await })
            }
            Some((_, None)) => Box::pin(ready(cannot_forward())),
        }
    }
}

/// The reply to a request whose streams cannot be forwarded. The request was not sent.
fn cannot_forward() -> Reply {
    FrameworkError::Unsupported
        .to_error_data("the streams of this call cannot be forwarded")
        .into()
}

/// Forwards a stream that is the result of a call.
async fn forward_result(call: Call<Answered>, producer: Producer, deliveries: Deliveries) -> Reply {
    let of_call = match call.await {
        Ok(answered) => answered.into_stream(),
        Err(error) => return Reply::forwarded(Err::<Payload, _>(error)),
    };
    let Some(of_call) = of_call else {
        return FrameworkError::InvalidResult
            .to_error_data("the result is not a stream")
            .into();
    };
    match relay_result(of_call, producer).await {
        Ok(()) => {
            deliveries.ended().await;
            Reply::Value(Payload::default())
        }
        Err(StreamError::Call(error)) => Reply::forwarded(Err::<Payload, _>(error)),
        Err(error) => Reply::Error(forwarded_stream_error(error)),
    }
}

impl Reply {
    /// Converts the outcome of a call into a reply that forwards it, as if the caller had called that callee directly.
    ///
    /// Errors that concern the connection to the callee become framework errors with their text: *overloaded* if the method
    /// did not run and the cause may pass, such as a callee that shuts down or is not connected, and *no reply* if it may
    /// have run, such as a connection that was lost.
    pub fn forwarded(answer: Result<impl Into<Payload>, CallError>) -> Self {
        match answer {
            Ok(value) => Self::Value(value.into()),
            Err(CallError::UnknownMethod { .. }) => Self::UnknownMethod,
            Err(error) => Self::Error(forwarded_error(error)),
        }
    }
}

fn forwarded_error(error: CallError) -> ErrorData {
    let reason = match &error {
        CallError::Rejected { reason, .. } => Some(match reason {
            FrameworkError::ShuttingDown => FrameworkError::Overloaded,
            reason => *reason,
        }),
        CallError::DeadlineExceeded { .. } => Some(FrameworkError::DeadlineExceeded),
        CallError::NotConnected(_) | CallError::TooManyPending { .. } => {
            Some(FrameworkError::Overloaded)
        }
        CallError::ConnectionLost(_) | CallError::Cancelled | CallError::DuplicateRequest => {
            Some(FrameworkError::NoReply)
        }
        CallError::TooLarge {
            what: PacketRole::Answer,
            ..
        }
        | CallError::Decode(_) => Some(FrameworkError::InvalidResult),
        CallError::TooLarge { limit, .. } => Some(FrameworkError::TooLarge { limit: *limit }),
        CallError::Metadata(MetadataError::TooLarge { limit, .. }) => {
            Some(FrameworkError::MetadataTooLarge {
                limit: *limit as u64,
            })
        }
        _ => None,
    };
    match (reason, error) {
        (Some(reason), CallError::Rejected { message, .. }) => with_message(reason, message),
        (Some(reason), error) => with_message(reason, error.without_site().to_string()),
        (None, CallError::Remote(error) | CallError::MalformedErrorData(error)) => error,
        (None, error) => error.into(),
    }
}

fn with_message(reason: FrameworkError, message: String) -> ErrorData {
    ErrorData {
        message,
        ..ErrorData::from(reason)
    }
}

/// Converts the end of a stream for its other half, as [`Reply::forwarded`] converts errors of calls.
pub(in crate::peer) fn forwarded_stream_error(error: StreamError) -> ErrorData {
    let reason = match &error {
        StreamError::ConnectionLost(_) => FrameworkError::NoReply,
        StreamError::TooLarge {
            whose: LimitOwner::OtherSide,
            limit,
        } => FrameworkError::TooLarge { limit: *limit },
        StreamError::TooLarge { .. } => FrameworkError::InvalidResult,
        _ => {
            return match error {
                StreamError::Call(error) => forwarded_error(error),
                error => error.into(),
            };
        }
    };
    with_message(reason, error.to_string())
}
