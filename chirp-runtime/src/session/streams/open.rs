use std::time::Duration;

use bytes::Bytes;

use super::flow_control::{INITIAL_WINDOW, UNREQUESTED_WINDOWS};
use super::send::StreamOutput;
use super::store::{RecvHalf, SendHalf, StreamHalf, StreamState};
use super::{Ending, SessionStreams, StreamEvent, StreamKey, StreamKind, StreamSpec};
use crate::packet::{
    CallFields, EndReason, ErrorData, Payload, RequestPacket, ResultCode, StreamEntry, StreamOpen,
};
use crate::session::send_backlog::QueuedSend;
use crate::session::{HelloState, InboundCallId, OutboundCallId, Refused, SendTicket, Session};

impl Session {
    /// Like [`call_within`](Self::call_within), with streams that the call opens, in the order in which its
    /// parameters name them. Returns their keys in that order.
    ///
    /// The call is queued while it is not known whether the other side supports streams; later calls may
    /// overtake it. [`wants_hello`](Self::wants_hello) tells whether the other side must be asked. If it does
    /// not support streams, the call ends with [`StreamEvent::Unsupported`].
    ///
    /// # Errors
    ///
    /// [`Refused`] if the call cannot be made. The session and `params` are unchanged then.
    pub fn call_with(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
        opens: &[StreamSpec],
    ) -> Result<(OutboundCallId, Vec<StreamKey>), Refused> {
        self.call_in_context(method, params, time, None, opens)
    }

    /// Like [`call_with`](Self::call_with), with the fields of a call context. A call with required fields is queued like
    /// one with streams while it is not known whether the other side supports them, and ends in the same way if it does
    /// not. Other fields are left out until then.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the call cannot be made. The session and `params` are unchanged then.
    pub fn call_in_context(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
        fields: Option<&CallFields>,
        opens: &[StreamSpec],
    ) -> Result<(OutboundCallId, Vec<StreamKey>), Refused> {
        let is_known = self.check_needs(!opens.is_empty(), fields)?;
        if !opens.is_empty() {
            self.check_opens(opens)?;
        }
        let call = self.begin_call(method, params.len())?;
        let keys = if opens.is_empty() {
            Vec::new()
        } else {
            let streams = self.streams.get_or_insert_default();
            let keys = streams.make(opens);
            streams.by_call.insert(call, keys.clone());
            keys
        };
        if is_known {
            self.send_or_queue_call(call, method, params, time, fields);
        } else {
            let (method, params) = (method.clone(), std::mem::take(params));
            let fields = fields.cloned().map(Box::new);
            let queued = QueuedSend::Call(call, method, params, time, fields);
            let ticket = self.backlog.hold(queued);
            self.outbound.queued(call, ticket);
        }
        Ok((call, keys))
    }

    /// Checks the extensions that a call needs. Returns `false` if it has to wait until those of the other side are
    /// known.
    fn check_needs(
        &self,
        opens_streams: bool,
        fields: Option<&CallFields>,
    ) -> Result<bool, Refused> {
        let mut is_known = true;
        if opens_streams {
            match self.streams_in_use() {
                Some(true) => {}
                Some(false) => return Err(Refused::Unsupported),
                None => is_known = false,
            }
        }
        if let Some(fields) = fields {
            if fields.is_required() {
                match self.contexts_in_use() {
                    Some(true) => {}
                    Some(false) => return Err(Refused::UnsupportedMetadata),
                    None => is_known = false,
                }
            }
            self.check_fields(fields)?;
        }
        Ok(is_known)
    }

    /// Like [`call_one_way`](Self::call_one_way), with streams that the call opens, in the order in which its
    /// parameters name them. The streams are free whatever their kind, since nothing waits for the call.
    /// Returns the call's ticket, if it is queued, and the keys of the streams.
    ///
    /// As with [`call_with`](Self::call_with), the call is queued while it is not known whether the other
    /// side supports streams. If it does not, the call leaves the queue unsent, and
    /// [`take_refused_one_way_call`](Self::take_refused_one_way_call) reports that.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the call cannot be made. The session and `params` are unchanged then.
    pub fn call_one_way_with(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        opens: &[StreamSpec],
    ) -> Result<(Option<SendTicket>, Vec<StreamKey>), Refused> {
        if opens.is_empty() {
            return Ok((self.call_one_way(method, params)?, Vec::new()));
        }
        self.call_one_way_in_context(method, params, None, opens)
    }

    /// Like [`call_one_way_with`](Self::call_one_way_with), with the fields of a call context, as in
    /// [`call_in_context`](Self::call_in_context).
    ///
    /// # Errors
    ///
    /// [`Refused`] if the call cannot be made. The session and `params` are unchanged then.
    pub fn call_one_way_in_context(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        fields: Option<&CallFields>,
        opens: &[StreamSpec],
    ) -> Result<(Option<SendTicket>, Vec<StreamKey>), Refused> {
        let is_known = self.check_needs(!opens.is_empty(), fields)?;
        if !opens.is_empty() {
            self.check_opens(opens)?;
        }
        self.check_size(RequestPacket::payload_len(method, params.len()))?;
        self.check_departure()?;
        self.counters.calls_out += 1;
        let free: Vec<_> = opens.iter().map(|spec| spec.freed()).collect();
        let fields = fields.cloned().map(Box::new);
        let queued = QueuedSend::OneWayCall(method.clone(), std::mem::take(params), fields);
        let ticket = if is_known {
            self.backlog.enqueue(queued)
        } else {
            self.backlog.hold(queued)
        };
        let keys = if free.is_empty() {
            Vec::new()
        } else {
            let streams = self.streams.get_or_insert_default();
            let keys = streams.make(&free);
            streams.by_one_way_call.insert(ticket, keys.clone());
            keys
        };
        self.flush_backlog();
        Ok((Some(ticket).filter(|ticket| self.is_waiting(*ticket)), keys))
    }

    /// Returns the reason if a one-way call left the queue unsent, since the other side lacks an extension. Returns it
    /// only once.
    pub fn take_refused_one_way_call(&mut self, ticket: SendTicket) -> Option<Refused> {
        let streams = self.streams.as_deref_mut()?;
        streams.refused_one_way_calls.remove(&ticket)
    }

    /// Returns `true` if a one-way call in the send backlog opens streams.
    pub(in crate::session) fn opens_streams(&self, ticket: SendTicket) -> bool {
        let streams = self.streams.as_deref();
        streams.is_some_and(|streams| streams.by_one_way_call.contains_key(&ticket))
    }

    /// Moves the streams of a one-way call to the id that it is sent with.
    pub(in crate::session) fn one_way_call_leaves(
        &mut self,
        ticket: SendTicket,
        call: OutboundCallId,
    ) {
        if let Some(streams) = self.streams.as_deref_mut()
            && let Some(keys) = streams.by_one_way_call.remove(&ticket)
        {
            streams.by_call.insert(call, keys);
        }
    }

    /// Ends the streams of a one-way call that was never sent.
    pub(in crate::session) fn one_way_call_taken_back(&mut self, ticket: SendTicket) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_one_way_call.remove(&ticket)
        {
            streams.never_opened(keys, &mut out);
        }
    }

    /// Returns `true` if a call waits for the other side's extensions, which must be asked for with
    /// [`ask_hello`](Self::ask_hello).
    pub fn wants_hello(&self) -> bool {
        self.backlog.holds() && self.hello_exchange.state() == HelloState::Unknown
    }

    /// Sends or fails the calls that waited for the other side's extensions, once these are known.
    pub(in crate::session) fn settle_held_calls(&mut self) {
        let is_known = matches!(self.hello_exchange.state(), HelloState::Known(_));
        if !is_known || !self.backlog.holds() {
            return;
        }
        for (ticket, queued) in self.backlog.take_held() {
            match self.check_held(ticket, &queued) {
                Ok(()) => self.backlog.release(ticket, queued),
                Err(refused) => self.refuse_held(ticket, queued, refused),
            }
        }
        self.flush_backlog();
    }

    /// Checks the extensions that a held call needs, now that those of the other side are known.
    fn check_held(&self, ticket: SendTicket, queued: &QueuedSend) -> Result<(), Refused> {
        let streams = self.streams.as_deref();
        let (opens, fields) = match queued {
            QueuedSend::Call(call, .., fields) => (
                streams.is_some_and(|streams| streams.by_call.get(*call).is_some()),
                fields,
            ),
            QueuedSend::OneWayCall(.., fields) => (self.opens_streams(ticket), fields),
            QueuedSend::Packet(..) => return Ok(()),
        };
        self.check_needs(opens, fields.as_deref()).map(|_| ())
    }

    /// Ends a held call that cannot be sent.
    fn refuse_held(&mut self, ticket: SendTicket, queued: QueuedSend, refused: Refused) {
        self.counters.calls_out_failed += 1;
        if let QueuedSend::Call(call, ..) = queued {
            self.outbound.take_back(call);
            self.call_taken_back(call);
            let events = &mut self.streams.get_or_insert_default().events;
            events.push_back(StreamEvent::Unsupported(call, refused));
        } else {
            self.one_way_call_taken_back(ticket);
            let streams = self.streams.get_or_insert_default();
            streams.refused_one_way_calls.insert(ticket, refused);
            self.backlog.admit(ticket);
        }
        self.defer_drop(queued);
    }

    /// Ends the streams of a call that was never sent.
    pub(in crate::session) fn call_taken_back(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_call.remove(call)
        {
            streams.never_opened(keys, &mut out);
        }
    }

    /// Like [`respond`](Self::respond), with streams that the response opens, in the order in which its value
    /// names them. The streams are refused at once if the response cannot be sent or is not a result.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the streams cannot be opened. The call has not been answered then.
    pub fn respond_with(
        &mut self,
        call: InboundCallId,
        code: ResultCode,
        data: &mut Payload,
        opens: &[StreamSpec],
    ) -> Result<Vec<StreamKey>, Refused> {
        if opens.is_empty() {
            self.respond(call, code, data);
            return Ok(Vec::new());
        }
        if self.streams_in_use() != Some(true) {
            return Err(Refused::Unsupported);
        }
        self.check_opens(opens)?;
        let free: Vec<_> = opens.iter().map(|spec| spec.freed()).collect();
        let keys = self.streams.get_or_insert_default().make(&free);
        let id = self.inbound.id(call);
        if let Some(id) = id
            && code == ResultCode::Success
            && let Some(streams) = self.streams.as_deref_mut()
        {
            let replaced = streams.by_response.insert(id, keys.clone());
            if let Some(keys) = replaced
                && let Some((streams, mut out)) = self.streams_mut()
            {
                // The other side reused the request id before the response.
                streams.never_opened(keys, &mut out);
            }
            self.respond(call, code, data);
        } else {
            self.respond(call, code, data);
            if let Some((streams, mut out)) = self.streams_mut() {
                streams.never_opened(keys.clone(), &mut out);
            }
        }
        Ok(keys)
    }

    /// Ends the streams of a response that was replaced by an error.
    pub(in crate::session) fn response_failed(&mut self, id: u32) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_response.remove(&id)
        {
            streams.never_opened(keys, &mut out);
        }
    }

    /// Checks that one packet may open these streams.
    pub(super) fn check_opens(&self, opens: &[StreamSpec]) -> Result<(), Refused> {
        if opens.iter().any(|spec| spec.codec >= StreamEntry::CODECS) {
            return Err(Refused::Unsupported);
        }
        let opens = opens.len();
        let limit = self.stream_limit();
        let at_most = limit.min(StreamOpen::MAX_ENTRIES);
        if opens > at_most {
            return Err(Refused::TooManyInPacket { limit: at_most });
        }
        if self.streams() + opens > limit {
            return Err(Refused::TooManyStreams { limit });
        }
        self.check_size(StreamOpen::payload_len(opens))
    }

    /// Appends the packet that opens a call's streams. The request is appended next.
    pub(in crate::session) fn send_call_opens(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_call.get(call).cloned()
        {
            streams.announce(&keys, &mut out);
        }
    }

    /// Appends the packet that opens a response's streams. The response is appended next.
    pub(in crate::session) fn send_response_opens(&mut self, id: u32) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_response.get(&id).cloned()
        {
            streams.announce(&keys, &mut out);
        }
    }

    /// Sends pending changes of a call's streams, since the request has been appended.
    pub(in crate::session) fn call_opens_sent(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_call.get(call).cloned()
        {
            streams.announced(&keys, &mut out);
        }
    }

    /// Sends pending changes of a response's streams, since the response has been appended.
    pub(in crate::session) fn response_opens_sent(&mut self, id: u32) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_response.remove(&id)
        {
            streams.announced(&keys, &mut out);
        }
    }
}

impl SessionStreams {
    /// Creates streams of this side that are not announced yet.
    pub(super) fn make(&mut self, specs: &[StreamSpec]) -> Vec<StreamKey> {
        let make = |spec: &StreamSpec| {
            let mut spec = *spec;
            // The caller receives the result.
            spec.sends &= spec.kind != StreamKind::Result;
            let half = if spec.sends {
                StreamHalf::Send(SendHalf::default())
            } else {
                StreamHalf::Recv(RecvHalf::default())
            };
            let number = self.store.next_number();
            self.store.insert(StreamState {
                number,
                is_local: true,
                spec,
                call: None,
                announced: false,
                ended: false,
                half,
            })
        };
        specs.iter().map(make).collect()
    }

    /// Appends the packet that opens these streams. The packet that carries them is appended next.
    pub(super) fn announce(&mut self, keys: &[StreamKey], out: &mut StreamOutput<'_>) {
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let takes = self.store.local_senders() < UNREQUESTED_WINDOWS;
            let Some(stream) = self.store.get_mut(*key) else {
                continue;
            };
            let window = match &mut stream.half {
                StreamHalf::Send(send) => {
                    let window = if takes { INITIAL_WINDOW } else { 0 };
                    send.credit = window.into();
                    window
                }
                // A closed half needs no window.
                StreamHalf::Recv(recv) if recv.closed => 0,
                StreamHalf::Recv(recv) => self.windows.open_initial(recv),
            };
            entries.push(StreamEntry {
                number: stream.number,
                to_opener: !stream.spec.sends,
                bound: stream.is_bound(),
                result: stream.spec.kind == StreamKind::Result,
                codec: stream.spec.codec,
                window,
            });
            self.store.announce(*key);
        }
        out.open(&entries);
    }

    /// Sends the credit, the ends and the events that had to wait until the packet that carries these streams
    /// was appended.
    pub(super) fn announced(&mut self, keys: &[StreamKey], out: &mut StreamOutput<'_>) {
        for key in keys {
            let Some(stream) = self.store.get_mut(*key) else {
                continue;
            };
            let id = stream.id();
            match &mut stream.half {
                StreamHalf::Send(send) => {
                    if send.pending_end.is_some() {
                        self.send_pending_end(*key, out);
                    } else if send.is_ready() {
                        self.events.push_back(StreamEvent::Ready(*key));
                    }
                }
                StreamHalf::Recv(recv) if recv.closed => {
                    out.end(id, EndReason::Cancelled, 0, ErrorData::default());
                }
                StreamHalf::Recv(recv) if recv.window == 0 => {
                    self.windows.open_minimal(recv);
                    self.note_grant(*key);
                }
                StreamHalf::Recv(_) => {}
            }
        }
    }

    /// Ends streams whose carrier will not be sent.
    pub(super) fn never_opened(&mut self, keys: Vec<StreamKey>, out: &mut StreamOutput<'_>) {
        for key in keys {
            if self.store.get(key).is_some_and(StreamState::is_open) {
                let ending = Ending::Refused(ErrorData::default());
                self.events.push_back(StreamEvent::Ended(key, ending));
            }
            self.remove(key, out);
        }
    }
}
