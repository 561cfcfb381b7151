use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::codec::attaching::too_many_streams;
use crate::packet::{self, ErrorData, FrameworkError, Payload, StreamOpen};
use crate::peer::client::answer::{Answer, Answered};
use crate::peer::client::call_options::CallOptions;
use crate::peer::client::indirect::{
    IndirectCall, IndirectRequest, IndirectTarget, SentIndirectly, StartableCall,
};
use crate::peer::client::layer::CallKind;
use crate::peer::client::layer_chain::ClientLayerChain;
use crate::peer::server::task::{drop_caught, panicked};
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::half;
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::stream::mailbox::Mailbox;
use crate::peer::stream::producer::here;
use crate::peer::task::spawn;
use crate::peer::{
    CallContext, CallError, Caller, Extensions, Handler, HandlerFuture, MethodName, PacketRole,
    Reply, Request,
};
use crate::session::{Ending, LimitOwner, Limits, over_limit};

/// Handlers in this process, and the caller that they call back through.
pub(in crate::peer) struct LocalTarget {
    handler: Box<dyn Handler>,
    back: Caller,
}

impl LocalTarget {
    pub(in crate::peer) fn new(handler: impl Handler, back: Caller) -> Arc<Self> {
        let handler = Box::new(handler);
        Arc::new(Self { handler, back })
    }
}

impl IndirectTarget for LocalTarget {
    fn send(self: Arc<Self>, call: IndirectRequest<'_>) -> Result<SentIndirectly, CallError> {
        let deadline = call.limit.and_then(|limit| {
            limit.arm(None);
            limit.deadline()
        });
        let context = LocalContext {
            options: call.options,
            deadline,
        };
        // The caller feeds streams to a one-way method after the call has been sent.
        let runs_alone = call.kind == CallKind::Nothing && call.params.has_attachments();
        let context = context.into_call_context(self.back.clone())?;
        let (mut local, stream) =
            LocalCall::new(&*self.handler, context, call.method, call.params, call.kind)?;
        if runs_alone {
            local.detach();
            local = LocalCall::detached(call.method);
        }
        Ok((IndirectCall::Local(Box::new(local)), stream))
    }

    fn layers(&self) -> Option<&ClientLayerChain> {
        None
    }
}

/// A call of a handler in this process. The handler is polled together with the call, unless the call was started.
struct LocalCall {
    work: LocalWork,
    method: MethodName,
    is_one_way: bool,
    /// The mailboxes of both halves of the streams that belong to the call.
    bound: Vec<[Arc<Mailbox>; 2]>,
}

enum LocalWork {
    Running(Option<HandlerFuture>),
    Started(Started),
    /// The handler has deferred its reply.
    Deferred(oneshot::Receiver<Reply>),
    Ended(Option<Reply>),
}

/// A handler in a task of its own, which is aborted with its call.
struct Started {
    answer: oneshot::Receiver<Reply>,
    task: AbortHandle,
}

/// The options and the deadline of a local call, which become the context of its handler.
struct LocalContext<'a> {
    options: Option<&'a CallOptions>,
    deadline: Option<Instant>,
}

impl LocalContext<'_> {
    fn into_call_context(self, back: Caller) -> Result<CallContext, CallError> {
        let mut extensions = Extensions::default();
        let mut info = None;
        if let Some(options) = self.options {
            let (given, propagation) = options.local()?;
            info = given;
            if let Some(propagation) = propagation {
                extensions.insert(propagation);
            }
            if let Some(identity) = options.identity() {
                extensions.insert(identity.clone());
            }
        }
        Ok(CallContext::new(back, extensions, None)
            .within(self.deadline)
            .received(info))
    }
}

impl LocalCall {
    fn new(
        handler: &dyn Handler,
        cx: CallContext,
        method: &MethodName,
        mut params: Payload,
        kind: CallKind,
    ) -> Result<(Self, Option<Consumer>), CallError> {
        let result = match kind {
            CallKind::Stream(codec) => Some(codec),
            CallKind::Value | CallKind::Nothing => None,
        };
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
        let request = Request::new(cx, packet).with_streams(arrived);
        let work = match catch_unwind(AssertUnwindSafe(|| handler.handle(request))) {
            Ok(running) => LocalWork::Running(Some(running)),
            Err(panic) => LocalWork::Ended(Some(panicked(panic, method.as_bytes(), None))),
        };
        let call = Self {
            work,
            method: method.clone(),
            is_one_way: kind == CallKind::Nothing,
            bound,
        };
        Ok((call, consumer))
    }

    /// Returns a one-way call whose handler runs in the background.
    fn detached(method: &MethodName) -> Self {
        Self {
            work: LocalWork::Ended(None),
            method: method.clone(),
            is_one_way: true,
            bound: Vec::new(),
        }
    }

    /// Lets the handler of a one-way call run in the background. The streams of its arguments stay open.
    fn detach(mut self) {
        self.bound.clear();
        if let Ok(runtime) = Handle::try_current() {
            spawn(&runtime, async move {
                // The result of a one-way call is discarded.
                let _ = poll_fn(|cx| self.poll(cx)).await;
            });
        }
    }

    /// Ends the streams that belong to the call.
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
                LocalWork::Running(running) => ready!(poll_caught(running, &self.method, cx)),
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

impl StartableCall for LocalCall {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = ready!(self.poll_answer(cx));
        self.end_bound(&Ending::Answered);
        // The caller of a one-way call does not learn how the method ended.
        Poll::Ready(if self.is_one_way {
            Ok(Bytes::new().into())
        } else {
            answer
        })
    }

    /// Moves the handler to a task of its own, so that it runs while the call is not polled, as it would at a peer: the
    /// caller may be busy feeding a stream to the handler. Outside of a runtime the handler runs when the call is
    /// polled, as does that of a one-way call, which is ready when the method has run.
    fn start(&mut self) {
        if self.is_one_way {
            return;
        }
        if let LocalWork::Running(running) = &mut self.work
            && let Ok(runtime) = Handle::try_current()
        {
            let (mut running, method) = (running.take(), self.method.clone());
            let (reply, answer) = oneshot::channel();
            let task = spawn(&runtime, async move {
                // Sending fails if the call has just been dropped.
                let _ = reply.send(poll_fn(|cx| poll_caught(&mut running, &method, cx)).await);
            });
            self.work = LocalWork::Started(Started { answer, task });
        }
    }
}

impl Drop for LocalCall {
    fn drop(&mut self) {
        self.end_bound(&Ending::Cancelled);
        if let LocalWork::Running(running) = &mut self.work {
            drop_caught(running.take());
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Checks whether a request could be sent over a connection with default limits, so that code tested without a
/// connection works over one.
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

/// Returns the error for a result of this size that could not be sent over a connection with default limits.
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

/// Binds the streams of a result within this process.
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

/// Converts the error of a handler into the error of its call.
fn failed(error: ErrorData) -> CallError {
    unsendable(error.encoded_len(), 0).unwrap_or_else(|| CallError::from_error_data(error))
}

/// Polls a handler. As on a connection, a panic becomes a service error.
fn poll_caught(
    running: &mut Option<HandlerFuture>,
    method: &MethodName,
    cx: &mut Context<'_>,
) -> Poll<Reply> {
    let Some(work) = running else {
        return Poll::Ready(FrameworkError::NoReply.into());
    };
    let reply = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => ready!(polled),
        Err(panic) => panicked(panic, method.as_bytes(), None),
    };
    drop_caught(running.take());
    Poll::Ready(reply)
}
