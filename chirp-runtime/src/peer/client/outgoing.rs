use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::codec::CodecId;
use crate::codec::attaching::too_many_streams;
use crate::packet::{
    CallFields, ErrorData, FrameworkError, MetadataError, Payload, ResponsePacket, ResultCode,
};
use crate::peer::client::answer::{Answer, Answered};
use crate::peer::client::caller::ConnectionRef;
use crate::peer::client::pending_call::{AnswerWithStreams, PendingCall};
use crate::peer::client::submit_queue::{self, SubmitOutcome};
use crate::peer::connection::writer::WriteLease;
use crate::peer::connection::{ConnectionCore, recycle};
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::endpoint::{OpenedHalves, specs};
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::{CallError, ConnectionError, MethodName, PacketRole};
use crate::session::{
    CallOutcome, LimitOwner, Refused, SendTicket, Session, StreamCarrier, StreamSpec,
};

/// The caller's side of a connection.
impl ConnectionCore {
    /// Makes a call. With `cx`, its task is woken by the response.
    ///
    /// # Errors
    ///
    /// [`CallError`] if the call cannot be sent.
    pub(in crate::peer) fn call(
        self: &Arc<Self>,
        method: &MethodName,
        params: Payload,
        time: Option<Duration>,
        fields: Option<&CallFields>,
        cx: Option<&Context<'_>>,
        is_callback: bool,
    ) -> Result<Arc<PendingCall>, CallError> {
        let slot = PendingCall::take(cx.map(|cx| cx.waker().clone()));
        let submitted = if self.submit_queue.is_contended()
            && params.len() <= submit_queue::COPIED
            && fields.is_none()
        {
            let (name, params) = (method.as_bytes(), params.as_slice());
            self.submit_queue.push(&slot, name, params, time)
        } else {
            SubmitOutcome::Full
        };
        let made = match submitted {
            SubmitOutcome::Full | SubmitOutcome::Closed => {
                self.call_now(&slot, method, params, (time, fields), is_callback)
            }
            // The writer task sends the calls of all callers together.
            SubmitOutcome::First | SubmitOutcome::Behind => {
                recycle(params);
                if let SubmitOutcome::First = submitted {
                    self.wake_writer();
                }
                Ok(())
            }
            SubmitOutcome::Enough => {
                recycle(params);
                self.write_submitted();
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

    /// Gives the queued calls to the session, and writes them unless another task writes.
    fn write_submitted(&self) {
        let mut state = self.lock();
        state.flush_submit_queue();
        let lease = self.take_turn(&mut state);
        drop(state);
        if let Some(lease) = lease {
            self.write(lease);
        }
    }

    /// Gives a call to the session. A caller that is alone writes at once; with several callers, the writer task writes
    /// for all of them together.
    fn call_now(
        self: &Arc<Self>,
        slot: &Arc<PendingCall>,
        method: &MethodName,
        mut params: Payload,
        terms: (Option<Duration>, Option<&CallFields>),
        is_callback: bool,
    ) -> Result<(), CallError> {
        let mut starts_timeout = false;
        let sent = self.call_locked(
            slot,
            method,
            &mut params,
            terms,
            is_callback,
            &mut starts_timeout,
        );
        recycle(params);
        if starts_timeout {
            self.limit_hello();
        }
        if let Some(lease) = sent? {
            self.write(lease);
        }
        Ok(())
    }

    fn call_locked(
        &self,
        slot: &Arc<PendingCall>,
        method: &MethodName,
        params: &mut Payload,
        (time, fields): (Option<Duration>, Option<&CallFields>),
        is_callback: bool,
        starts_timeout: &mut bool,
    ) -> Result<Option<WriteLease<'_>>, CallError> {
        let mut state = self.lock();
        state.check_call(is_callback)?;
        let call = match fields {
            None => state.ordered(|session| session.call_within(method.bytes(), params, time))?,
            Some(_) => state.ordered(|session| {
                let (call, _) =
                    session.call_in_context(method.bytes(), params, time, fields, &[])?;
                *starts_timeout = ask_hello_if_wanted(session);
                Ok::<_, Refused>(call)
            })?,
        };
        slot.sent(call);
        state.pending_calls.wait(call, Arc::clone(slot));
        if state.session.pending() == 1 {
            return Ok(self.take_turn(&mut state));
        }
        self.submit_queue.set_contended(true);
        Ok(None)
    }

    /// Makes a call with streams: those that `params` attach, and with `result` one for the result, whose consumer is
    /// returned. If the call cannot be sent, `params` are unchanged.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub(in crate::peer) fn call_with(
        self: &Arc<Self>,
        link: &ConnectionRef,
        method: &MethodName,
        params: &mut Payload,
        (time, fields): (Option<Duration>, Option<&CallFields>),
        cx: Option<&Context<'_>>,
        result: Option<CodecId>,
    ) -> Result<(Arc<PendingCall>, Option<Consumer>), CallError> {
        let slot = PendingCall::take(cx.map(|cx| cx.waker().clone()));
        // Halves that cannot be sent belong to the program, and are dropped after the lock is released.
        let mut attachments = params.detach();
        let mut opens = specs(&attachments);
        opens.extend(result.map(|codec| StreamSpec::result(codec as u8)));
        let sent = {
            let mut state = self.lock();
            let sent = match state.check_call(link.is_callback()) {
                Err(error) => Err(error),
                Ok(()) => state.ordered(|session| {
                    let (call, keys) =
                        session.call_in_context(method.bytes(), params, time, fields, &opens)?;
                    Ok((call, keys, ask_hello_if_wanted(session)))
                }),
            };
            sent.map(|(call, keys, asked)| {
                slot.sent(call);
                state.pending_calls.wait(call, Arc::clone(&slot));
                if state.session.pending() > 1 {
                    self.submit_queue.set_contended(true);
                }
                let result = keys.get(attachments.len());
                let result = result.map(|key| (*key, state.streams.open(*key)));
                let attachments = mem::take(&mut attachments);
                let opened = OpenedHalves::new(attachments, &keys, &mut state);
                (opened, result, asked)
            })
        };
        match sent {
            Ok((opened, result, asked)) => {
                recycle(mem::take(params));
                if asked {
                    self.limit_hello();
                }
                opened.bind(link);
                let consumer =
                    result.map(|(key, mailbox)| Consumer::remote(link.clone(), Some(key), mailbox));
                Ok((slot, consumer))
            }
            Err(error) => {
                params.reattach(attachments);
                drop(slot.take_waker());
                PendingCall::give(slot);
                Err(error)
            }
        }
    }

    /// Returns the reason why the session has ended, or why nothing is sent any more.
    pub(in crate::peer) fn reason(&self) -> ConnectionError {
        let reason = self.look().refusal();
        reason.unwrap_or(ConnectionError::ClosedHere)
    }

    /// Makes a one-way call. Returns its ticket if it has to wait for room. If the call cannot be sent, `params` are
    /// unchanged.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call cannot be sent.
    pub(in crate::peer) fn call_one_way(
        &self,
        method: &MethodName,
        params: &mut Payload,
        is_callback: bool,
    ) -> Result<Option<SendTicket>, CallError> {
        let sent = {
            let mut state = self.lock();
            match state.check_call(is_callback) {
                Err(error) => Err(error),
                Ok(()) => state
                    .ordered(|session| session.call_one_way(method.bytes(), params))
                    .map_err(CallError::from),
            }
        };
        if sent.is_ok() {
            recycle(mem::take(params));
        }
        sent
    }

    /// Makes a one-way call with the streams that `params` attach. Returns its ticket if it has to wait for room. If the
    /// call cannot be sent, `params` are unchanged.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the call cannot be sent.
    pub(in crate::peer) fn call_one_way_with(
        self: &Arc<Self>,
        link: &ConnectionRef,
        method: &MethodName,
        params: &mut Payload,
        fields: Option<&CallFields>,
    ) -> Result<Option<SendTicket>, CallError> {
        // Halves that cannot be sent belong to the program, and are dropped after the lock is released.
        let mut attachments = params.detach();
        let opens = specs(&attachments);
        let sent = {
            let mut state = self.lock();
            let sent = match state.check_call(link.is_callback()) {
                Err(error) => Err(error),
                Ok(()) => state.ordered(|session| {
                    let (ticket, keys) =
                        session.call_one_way_in_context(method.bytes(), params, fields, &opens)?;
                    Ok((ticket, keys, ask_hello_if_wanted(session)))
                }),
            };
            sent.map(|(ticket, keys, asked)| {
                let attachments = mem::take(&mut attachments);
                let opened = OpenedHalves::new(attachments, &keys, &mut state);
                (opened, ticket, asked)
            })
        };
        let (opened, ticket, asked) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                params.reattach(attachments);
                return Err(error);
            }
        };
        recycle(mem::take(params));
        if asked {
            self.limit_hello();
        }
        opened.bind(link);
        Ok(ticket)
    }

    /// Cancels a call whose caller has gone. The peer is told, unless the request has not left or the response has
    /// arrived. Returns `true` if nothing will be put into `slot` any more.
    fn cancel(&self, slot: &Arc<PendingCall>) -> bool {
        let mut state = self.lock();
        let (call, unneeded) = slot.leave();
        // A call of the submit queue is cancelled when it is flushed.
        let mut forgotten = false;
        if let Some(call) = call {
            forgotten = state.pending_calls.forget(call, slot);
            if forgotten {
                if let Err(fatal) = state.session.cancel(call) {
                    state.effects.rare().end = Some(fatal.into());
                }
            } else {
                // An answered call keeps its id while streams of the answer are unclaimed; nobody will claim them now.
                state.session.release(call);
            }
        }
        drop(state);
        drop(unneeded);
        forgotten
    }
}

/// Asks the peer for its extensions if a call waits for them. Returns `true` if the time of the answer must be limited.
fn ask_hello_if_wanted(session: &mut Session) -> bool {
    // At the limit of pending calls, the call that waits fails with its own error.
    if session.wants_hello() && session.ask_hello(RandomState::new().hash_one(0)).is_err() {
        return false;
    }
    session.starts_hello_timeout()
}

/// Converts an outcome into the answer of a call.
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

/// Converts error data into an error. Truncated error data has ended the session before.
#[cold]
fn service_error(data: Bytes) -> CallError {
    match ErrorData::decode(data.clone()) {
        Ok(error) => CallError::from_error_data(error),
        Err(_) => CallError::MalformedErrorData(ErrorData::decode_lossy(data).unwrap_or_default()),
    }
}

impl Refused {
    /// Converts a refusal into the error of the caller that wanted to send `what`.
    pub(in crate::peer) fn about(self, what: PacketRole) -> CallError {
        match self {
            Self::TooLarge { limit, whose } => CallError::TooLarge { what, whose, limit },
            Self::TooManyPending { limit } => CallError::TooManyPending { limit },
            Self::TooManyInPacket { limit } => CallError::Encode(too_many_streams(limit)),
            Self::TooManyStreams { limit } => CallError::rejected(
                FrameworkError::Overloaded,
                format!("too many streams: the limit is {limit}"),
            ),
            Self::GoingAway => CallError::rejected(
                FrameworkError::ShuttingDown,
                "one of the two sides is shutting down: nothing was sent".to_owned(),
            ),
            Self::Unsupported => CallError::rejected(
                FrameworkError::Unsupported,
                "one of the two sides does not know streams".to_owned(),
            ),
            Self::UnsupportedMetadata => CallError::rejected(
                FrameworkError::Unsupported,
                "one of the two sides does not know metadata (keys that may be left out can be marked as optional)"
                    .to_owned(),
            ),
            Self::MetadataTooLarge { len, limit } => {
                CallError::Metadata(MetadataError::TooLarge { len, limit })
            }
        }
    }
}

impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        refused.about(PacketRole::Request)
    }
}

/// A call in progress. Dropping it cancels the call.
pub(in crate::peer) struct Outgoing {
    /// `None` once the call has returned a value.
    link: Option<ConnectionRef>,
    /// `None` once the call is over.
    slot: Option<Arc<PendingCall>>,
    /// The connection ended before the session got the call.
    never_sent: bool,
}

impl Outgoing {
    pub(in crate::peer) fn runtime(&self) -> Option<Handle> {
        Some(self.connection()?.runtime.clone())
    }

    pub(in crate::peer) fn new(link: ConnectionRef, slot: Arc<PendingCall>) -> Self {
        Self {
            link: Some(link),
            slot: Some(slot),
            never_sent: false,
        }
    }

    /// Takes the result, if the call has returned a value without streams. Then nothing is left to be dropped.
    #[inline]
    pub(in crate::peer) fn take_value(&mut self) -> Option<Bytes> {
        let value = self.slot.as_ref()?.take_value()?;
        // The reader does not use the slot after it has put the outcome there.
        if let Some(slot) = self.slot.take() {
            PendingCall::give(slot);
        }
        self.link = None;
        Some(value)
    }

    pub(in crate::peer) fn poll(&mut self, cx: &Context<'_>) -> Poll<Answer> {
        let (Some(slot), Some(link)) = (&self.slot, &self.link) else {
            return Poll::Pending;
        };
        if let Poll::Ready(found) = slot.poll(cx.waker()) {
            // The reader does not use the slot after it has put the outcome there.
            if let Some(slot) = self.slot.take() {
                PendingCall::give(slot);
            }
            return Poll::Ready(match found {
                Ok((outcome, None)) => into_answer(outcome),
                Ok((outcome, Some(streams))) => with_streams(link, outcome, *streams),
                Err(refused) => Err(refused.into()),
            });
        }
        // The end of the session is set before its callers are woken.
        let connection = link.connection();
        if !connection.has_ended() {
            return Poll::Pending;
        }
        self.never_sent = slot.was_never_sent();
        self.slot = None;
        Poll::Ready(Err(CallError::ConnectionLost(connection.reason())))
    }

    /// Returns `true` if the call has failed without having been sent.
    pub(in crate::peer) fn was_never_sent(&self) -> bool {
        self.never_sent
    }

    /// Returns the connection, unless the call has returned a value.
    pub(in crate::peer) fn connection(&self) -> Option<&Arc<ConnectionCore>> {
        self.link.as_ref().map(ConnectionRef::connection)
    }
}

/// Converts an outcome that came with streams.
fn with_streams(
    link: &ConnectionRef,
    outcome: CallOutcome,
    (call, unbound): AnswerWithStreams,
) -> Answer {
    let arrived = InboundStreams::new(link, StreamCarrier::Answer(call), unbound);
    let answered = into_answer(outcome)?;
    Ok(Answered::carrying(answered.into_data(), arrived))
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let (Some(slot), Some(connection)) = (self.slot.take(), self.connection()) else {
            return;
        };
        if connection.cancel(&slot) {
            PendingCall::give(slot);
            connection.watch_abandoned();
        }
    }
}
