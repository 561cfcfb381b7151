use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::codec::CodecId;
use crate::codec::attaching::too_many_streams;
use crate::packet::{ErrorData, FrameworkError, Payload, ResponsePacket, ResultCode};
use crate::peer::calling::answer::{Answer, Answered};
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::calling::pending_call::{AnswerWithStreams, PendingCall};
use crate::peer::calling::submit_queue::{self, SubmitOutcome};
use crate::peer::connection::{ConnectionCore, recycle};
use crate::peer::streaming::consumer::Consumer;
use crate::peer::streaming::endpoint::{OpenedHalves, specs};
use crate::peer::streaming::inbound_streams::InboundStreams;
use crate::peer::{CallError, ConnectionError, MethodName, PacketRole};
use crate::session::{CallOutcome, LimitOwner, Refused, SendTicket, StreamCarrier, StreamSpec};

/// The caller's side of a connection: making calls, waiting for their answers, letting go of them.
impl ConnectionCore {
    /// Makes a call, whose answer is waited for by `cx`, or by nobody yet.
    pub(in crate::peer) fn call(
        &self,
        method: &MethodName,
        params: Payload,
        time: Option<Duration>,
        cx: Option<&Context<'_>>,
    ) -> Result<Arc<PendingCall>, CallError> {
        let slot = PendingCall::take(cx.map(|cx| cx.waker().clone()));
        let submitted = if self.submit_queue.is_contended() && params.len() <= submit_queue::COPIED
        {
            let (name, params) = (method.as_bytes(), params.as_slice());
            self.submit_queue.push(&slot, name, params, time)
        } else {
            SubmitOutcome::Full
        };
        let made = match submitted {
            SubmitOutcome::Full => self.call_now(&slot, method, params, time),
            SubmitOutcome::Closed => Err(CallError::ConnectionLost(self.reason())),
            // The writer takes those of all callers together.
            SubmitOutcome::First | SubmitOutcome::Behind => {
                recycle(params);
                if let SubmitOutcome::First = submitted {
                    self.wake_writer();
                }
                Ok(())
            }
        };
        match made {
            Ok(()) => Ok(slot),
            Err(error) => {
                drop(slot.take_waker());
                PendingCall::give(slot);
                Err(error)
            }
        }
    }

    /// Gives a call to the session. Alone, it writes at once; with others, the writer writes for all of them
    /// together.
    fn call_now(
        &self,
        slot: &Arc<PendingCall>,
        method: &MethodName,
        mut params: Payload,
        time: Option<Duration>,
    ) -> Result<(), CallError> {
        let mut lease = None;
        let made = self.with(|state, effects| {
            if let Some(reason) = state.refusal() {
                return Err(CallError::ConnectionLost(reason));
            }
            state.flush_submit_queue(&self.submit_queue, effects);
            let call = state
                .session
                .call_within(method.bytes(), &mut params, time)?;
            slot.sent(call);
            state.pending_calls.wait(call, Arc::clone(slot));
            if state.session.pending() == 1 {
                lease = self.take_turn(state);
            } else {
                self.submit_queue.set_contended(true);
                effects.wake_writer = true;
            }
            Ok(())
        });
        recycle(params);
        if let Some(lease) = lease {
            self.write(lease);
        }
        made
    }

    /// Makes a call with streams, some of which its parameters name, and one of which may be its result. Gives that.
    pub(in crate::peer) fn call_with(
        self: &Arc<Self>,
        link: &ConnectionRef,
        method: &MethodName,
        mut params: Payload,
        time: Option<Duration>,
        cx: Option<&Context<'_>>,
        result: Option<CodecId>,
    ) -> Result<(Arc<PendingCall>, Option<Consumer>), CallError> {
        let slot = PendingCall::take(cx.map(|cx| cx.waker().clone()));
        // Those that cannot be sent are the program's, and are dropped when the lock is free.
        let mut attachments = params.detach();
        let mut opens = specs(&attachments);
        opens.extend(result.map(|codec| StreamSpec::result(codec as u8)));
        let mut asks = false;
        let made = self.with(|state, effects| {
            if let Some(reason) = state.refusal() {
                return Err(CallError::ConnectionLost(reason));
            }
            state.flush_submit_queue(&self.submit_queue, effects);
            let session = &mut state.session;
            let (call, keys) = session.call_with(method.bytes(), &mut params, time, &opens)?;
            if session.wants_hello() {
                // Where not even that may be sent, the call may not be either.
                asks = session.ask_hello(RandomState::new().hash_one(0)).is_ok();
            }
            effects.wake_writer = true;
            slot.sent(call);
            state.pending_calls.wait(call, Arc::clone(&slot));
            if state.session.pending() > 1 {
                self.submit_queue.set_contended(true);
            }
            let result = keys.get(attachments.len());
            let result = result.map(|key| (*key, state.streams.open(*key)));
            let attachments = mem::take(&mut attachments);
            Ok((OpenedHalves::new(attachments, &keys, state), result))
        });
        recycle(params);
        if asks {
            self.limit_hello();
        }
        match made {
            Ok((opened, result)) => {
                opened.bind(link);
                let consumer =
                    result.map(|(key, mailbox)| Consumer::remote(link.clone(), Some(key), mailbox));
                Ok((slot, consumer))
            }
            Err(error) => {
                drop(slot.take_waker());
                PendingCall::give(slot);
                Err(error)
            }
        }
    }

    /// Why the session has ended, or sends no more.
    pub(in crate::peer) fn reason(&self) -> ConnectionError {
        let reason = self.lock().refusal();
        reason.unwrap_or(ConnectionError::ClosedHere)
    }

    /// Makes a call whose answer is not wanted. Gives its place in the queue, if it has to wait for room.
    pub(in crate::peer) fn call_one_way(
        &self,
        method: &MethodName,
        mut params: Payload,
    ) -> Result<Option<SendTicket>, CallError> {
        let made = self.with(|state, effects| {
            if let Some(reason) = state.refusal() {
                return Err(CallError::ConnectionLost(reason));
            }
            state.flush_submit_queue(&self.submit_queue, effects);
            effects.wake_writer = true;
            Ok(state.session.call_one_way(method.bytes(), &mut params)?)
        });
        recycle(params);
        made
    }

    /// Makes a call whose answer is not wanted, with streams that its parameters name.
    pub(in crate::peer) fn cast_with(
        self: &Arc<Self>,
        link: &ConnectionRef,
        method: &MethodName,
        mut params: Payload,
    ) -> Result<Option<SendTicket>, CallError> {
        // Those that cannot be sent are the program's, and are dropped when the lock is free.
        let mut attachments = params.detach();
        let opens = specs(&attachments);
        let mut asks = false;
        let made = self.with(|state, effects| {
            if let Some(reason) = &state.end {
                return Err(CallError::ConnectionLost(reason.clone()));
            }
            state.flush_submit_queue(&self.submit_queue, effects);
            let session = &mut state.session;
            let (ticket, keys) = session.cast_with(method.bytes(), &mut params, &opens)?;
            if session.wants_hello() {
                // Where not even that may be sent, the call may not be either.
                asks = session.ask_hello(RandomState::new().hash_one(0)).is_ok();
            }
            effects.wake_writer = true;
            let attachments = mem::take(&mut attachments);
            Ok((OpenedHalves::new(attachments, &keys, state), ticket))
        });
        recycle(params);
        if asks {
            self.limit_hello();
        }
        let (opened, ticket) = made?;
        opened.bind(link);
        Ok(ticket)
    }

    /// The caller has gone: the other side is told, unless the request has not left or the answer is
    /// here. Whether nobody will put an answer into the slot any more.
    fn cancel(&self, slot: &Arc<PendingCall>) -> bool {
        let (forgotten, unneeded) = self.with(|state, effects| {
            let (call, unneeded) = slot.leave();
            // One that the session does not have yet is passed over when it is given to it.
            let Some(call) = call else {
                return (false, unneeded);
            };
            let forgotten = state.pending_calls.forget(call, slot);
            if forgotten {
                match state.session.cancel(call) {
                    Ok(()) => effects.wake_writer = state.session.has_output(),
                    Err(fatal) => effects.end = Some(fatal.into()),
                }
            } else {
                // One that was answered has its id still if streams came with the answer, which nobody takes up now.
                state.session.release(call);
                effects.wake_writer = state.session.has_output();
            }
            (forgotten, unneeded)
        });
        drop(unneeded);
        forgotten
    }
}

/// The answer that an outcome stands for.
fn into_answer(outcome: CallOutcome) -> Answer {
    match outcome {
        CallOutcome::Response(ResponsePacket { code, data, .. }) => match code {
            ResultCode::Success => Ok(data.into()),
            ResultCode::UnknownMethod => Err(CallError::unknown_method()),
            ResultCode::DuplicateRequest => Err(CallError::DuplicateRequest),
            ResultCode::Cancelled => Err(CallError::Cancelled),
            ResultCode::ServiceError => Err(service_error(data)),
        },
        CallOutcome::TooLarge { limit } => Err(CallError::TooLarge {
            what: PacketRole::Answer,
            whose: LimitOwner::ThisSide,
            limit,
        }),
    }
}

/// The error that error data stands for. Data that ends inside a field has ended the session before it came here.
#[cold]
fn service_error(data: Bytes) -> CallError {
    match ErrorData::decode(data.clone()) {
        Ok(error) => CallError::from_error_data(error),
        Err(_) => CallError::MalformedErrorData(ErrorData::decode_lossy(data).unwrap_or_default()),
    }
}

impl Refused {
    /// The error of an attempt to send such a packet.
    pub(in crate::peer) fn about(self, what: PacketRole) -> CallError {
        match self {
            Self::TooLarge { limit, whose } => CallError::TooLarge { what, whose, limit },
            Self::TooManyPending { limit } => CallError::TooManyPending { limit },
            Self::TooManyInPacket { limit } => CallError::Encode(too_many_streams(limit)),
            Self::TooManyStreams { limit } => CallError::rejected(
                FrameworkError::Overloaded,
                format!("too many streams: the limit is {limit}"),
            ),
            Self::Unsupported => CallError::rejected(
                FrameworkError::Unsupported,
                "one of the two sides does not know streams".to_owned(),
            ),
        }
    }
}

impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        refused.about(PacketRole::Request)
    }
}

/// A call under way. Dropping it cancels it.
pub(in crate::peer) struct Outgoing {
    link: ConnectionRef,
    /// Nothing once it is over.
    slot: Option<Arc<PendingCall>>,
    /// The connection ended before the session had the call.
    never_sent: bool,
}

impl Outgoing {
    pub(in crate::peer) fn runtime(&self) -> Handle {
        self.link.connection().runtime.clone()
    }

    pub(in crate::peer) fn new(link: ConnectionRef, slot: Arc<PendingCall>) -> Self {
        Self {
            link,
            slot: Some(slot),
            never_sent: false,
        }
    }

    pub(in crate::peer) fn poll(&mut self, cx: &Context<'_>) -> Poll<Answer> {
        let Some(slot) = &self.slot else {
            return Poll::Pending;
        };
        if let Poll::Ready(found) = slot.poll(cx.waker()) {
            // Whoever put it there is done with the slot.
            if let Some(slot) = self.slot.take() {
                PendingCall::give(slot);
            }
            return Poll::Ready(match found {
                Ok((outcome, None)) => into_answer(outcome),
                Ok((outcome, Some(streams))) => self.with_streams(outcome, *streams),
                Err(refused) => Err(refused.into()),
            });
        }
        // Whoever ends the session says so first and wakes those who wait then.
        if !self.connection().has_ended() {
            return Poll::Pending;
        }
        self.never_sent = slot.was_never_sent();
        self.slot = None;
        Poll::Ready(Err(CallError::ConnectionLost(self.connection().reason())))
    }

    /// Whether the call has failed without having been sent.
    pub(in crate::peer) fn was_never_sent(&self) -> bool {
        self.never_sent
    }

    /// An answer that came with streams.
    fn with_streams(&self, outcome: CallOutcome, (call, unbound): AnswerWithStreams) -> Answer {
        let arrived = InboundStreams::new(&self.link, StreamCarrier::Answer(call), unbound);
        let answered = into_answer(outcome)?;
        Ok(Answered::carrying(answered.into_data(), arrived))
    }

    pub(in crate::peer) fn connection(&self) -> &Arc<ConnectionCore> {
        self.link.connection()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else {
            return;
        };
        if self.connection().cancel(&slot) {
            PendingCall::give(slot);
            self.connection().watch_abandoned();
        }
    }
}
