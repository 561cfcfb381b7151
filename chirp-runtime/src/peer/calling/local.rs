use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::codec::CodecId;
use crate::codec::attaching::too_many_streams;
use crate::packet::{self, ErrorData, FrameworkError, Payload, StreamOpen};
use crate::peer::calling::answer::{Answer, Answered};
use crate::peer::handling::task::{drop_caught, panicked};
use crate::peer::streaming::consumer::Consumer;
use crate::peer::streaming::half;
use crate::peer::streaming::inbound_streams::InboundStreams;
use crate::peer::streaming::mailbox::Mailbox;
use crate::peer::streaming::producer::here;
use crate::peer::task::spawn;
use crate::peer::{
    CallContext, CallError, Caller, Extensions, Handler, HandlerFuture, MethodName, PacketRole,
    Reply, Request,
};
use crate::session::{Ending, LimitOwner, Limits, over_limit};

/// A call of a handler in this process. The handler is polled where the call is, unless that was started.
pub(in crate::peer) struct LocalCall {
    work: LocalWork,
    method: MethodName,
    /// The streams that belong to it: for each what is told to its halves.
    bound: Vec<[Arc<Mailbox>; 2]>,
}

enum LocalWork {
    Handling(Option<HandlerFuture>),
    Started(Started),
    /// The handler has handed the call over.
    Deferred(oneshot::Receiver<Reply>),
    Ended(Option<Reply>),
}

/// A handler in a task of its own, which ends with its call.
struct Started {
    answer: oneshot::Receiver<Reply>,
    task: AbortHandle,
}

impl LocalCall {
    pub(in crate::peer) fn new(
        handler: &dyn Handler,
        back: Caller,
        method: &MethodName,
        mut params: Payload,
        result: Option<CodecId>,
    ) -> Result<(Self, Option<Consumer>), CallError> {
        let opens = params.attachments() + usize::from(result.is_some());
        check_request(method, params.len(), opens)?;
        let ends = here(params.detach()).map_err(|error| CallError::Encode(error.to_string()))?;
        let bound = ends.iter().filter(|(entry, _)| entry.bound);
        let bound = bound.filter_map(|(_, end)| end.half().both()).collect();
        let (producer, consumer) = result
            .map(|codec| (half::local(), codec))
            .map_or((None, None), |((producer, consumer), codec)| {
                (Some((producer, codec)), Some(consumer))
            });
        let arrived =
            (!ends.is_empty() || producer.is_some()).then(|| InboundStreams::local(ends, producer));
        let packet = packet::RequestPacket::new(0, method.bytes(), params.as_slice());
        let request = Request::new(CallContext::new(back, Extensions::default(), None), packet)
            .with_streams(arrived);
        let work = match catch_unwind(AssertUnwindSafe(|| handler.handle(request))) {
            Ok(handling) => LocalWork::Handling(Some(handling)),
            Err(panic) => LocalWork::Ended(Some(panicked(panic, method.as_bytes(), None))),
        };
        let call = Self {
            work,
            method: method.clone(),
            bound,
        };
        Ok((call, consumer))
    }

    /// Lets the handler run while nobody polls the call, as it would at another side: whoever feeds a stream to it does
    /// not come to that. Outside of a runtime it runs when it is polled.
    pub(in crate::peer) fn start(&mut self) {
        if let LocalWork::Handling(handling) = &mut self.work
            && let Ok(runtime) = Handle::try_current()
        {
            let (mut handling, method) = (handling.take(), self.method.clone());
            let (reply, answer) = oneshot::channel();
            let task = spawn(&runtime, async move {
                // If nobody waits for it, the call has just been dropped.
                let _ = reply.send(poll_fn(|cx| poll_caught(&mut handling, &method, cx)).await);
            });
            self.work = LocalWork::Started(Started { answer, task });
        }
    }

    /// Lets the handler run although nobody waits for it, as that of a one-way call. What it was given lives on.
    pub(in crate::peer) fn detach(mut self) {
        self.bound.clear();
        if let Ok(runtime) = Handle::try_current() {
            spawn(&runtime, async move {
                // Nobody hears how it went.
                let _ = poll_fn(|cx| self.poll(cx)).await;
            });
        }
    }

    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = ready!(self.poll_answer(cx));
        self.end_bound(&Ending::Answered);
        Poll::Ready(answer)
    }

    /// What belongs to the call ends with it.
    fn end_bound(&mut self, ending: &Ending) {
        for mailbox in mem::take(&mut self.bound).into_iter().flatten() {
            if let Some(waker) = mailbox.end(ending.clone()) {
                waker.wake();
            }
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            let reply = match &mut self.work {
                LocalWork::Handling(handling) => ready!(poll_caught(handling, &self.method, cx)),
                LocalWork::Started(Started { answer, .. }) | LocalWork::Deferred(answer) => {
                    ready!(Pin::new(answer).poll(cx))
                        .unwrap_or_else(|_| FrameworkError::NoReply.into())
                }
                LocalWork::Ended(reply) => reply
                    .take()
                    .unwrap_or_else(|| FrameworkError::NoReply.into()),
            };
            match reply {
                Reply::Deferred(deferred) => {
                    self.work = match deferred.answer {
                        Some(answer) => LocalWork::Deferred(answer),
                        None => LocalWork::Ended(None),
                    };
                }
                Reply::Value(value) => return Poll::Ready(answered(value)),
                Reply::Error(error) => return Poll::Ready(Err(failed(error))),
                Reply::UnknownMethod => return Poll::Ready(Err(CallError::unknown_method())),
            }
        }
    }
}

impl Drop for LocalCall {
    fn drop(&mut self) {
        self.end_bound(&Ending::Cancelled);
        if let LocalWork::Handling(handling) = &mut self.work {
            drop_caught(handling.take());
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether a request may be sent over a connection with the limits that are the default. In this process the same may be
/// sent, so that what is tested without a connection works over one.
fn check_request(method: &MethodName, params: usize, opens: usize) -> Result<(), CallError> {
    let limit = Limits::default().max_payload;
    if packet::RequestPacket::payload_len(method.as_bytes(), params) > limit {
        return Err(CallError::TooLarge {
            what: PacketRole::Request,
            whose: LimitOwner::ThisSide,
            limit: limit as u64,
        });
    }
    if opens > StreamOpen::MAX_ENTRIES {
        let limit = StreamOpen::MAX_ENTRIES;
        return Err(CallError::Encode(too_many_streams(limit)));
    }
    Ok(())
}

/// Why an answer of this many bytes, with so many streams, cannot be sent over a connection with the limits that are the
/// default.
fn unsendable(data: usize, opens: usize) -> Option<CallError> {
    let limit = Limits::default().max_payload;
    let why = if packet::ResponsePacket::payload_len(data) > limit {
        over_limit(limit as u64)
    } else if opens > StreamOpen::MAX_ENTRIES {
        too_many_streams(StreamOpen::MAX_ENTRIES)
    } else {
        return None;
    };
    let error = FrameworkError::InvalidResult.to_error_data(&why);
    Some(CallError::from_error_data(error))
}

/// The streams of an answer are bound here as those of its call.
fn answered(mut value: Payload) -> Answer {
    if let Some(error) = unsendable(value.len(), value.attachments()) {
        return Err(error);
    }
    let attachments = value.detach();
    if attachments.is_empty() {
        return Ok(value.into_bytes().into());
    }
    let ends = here(attachments).map_err(|error| CallError::Encode(error.to_string()))?;
    Ok(Answered::carrying(
        value.into_bytes(),
        InboundStreams::local(ends, None),
    ))
}

/// The error of a call whose handler says this.
fn failed(error: ErrorData) -> CallError {
    unsendable(error.encoded_len(), 0).unwrap_or_else(|| CallError::from_error_data(error))
}

/// Polls a handler. A panic in it is its caller's service error here as well.
fn poll_caught(
    handling: &mut Option<HandlerFuture>,
    method: &MethodName,
    cx: &mut Context<'_>,
) -> Poll<Reply> {
    let Some(work) = handling else {
        return Poll::Ready(FrameworkError::NoReply.into());
    };
    let reply = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => ready!(polled),
        Err(panic) => panicked(panic, method.as_bytes(), None),
    };
    drop_caught(handling.take());
    Poll::Ready(reply)
}
