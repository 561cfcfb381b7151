use std::collections::HashSet;

use bytes::Bytes;
use chirp_runtime::packet::{
    CallInfo, Cancel, ErrorData, ExtensionFlags, FrameworkError, GoingAway, HELLO_METHOD, Header,
    Hello, JSON_SUFFIX, MAX_METHOD_LEN, OneWayPacket, PacketType, RequestPacket, ResultCode,
    StreamEntry,
};
use foldhash::fast::RandomState;

use super::batches::{BatchKey, Batches};
use super::methods::{HeldMessage, HeldRequest, Methods};
use super::packets::{put_packet, respond, respond_error, split_u32};
use super::request_id::RequestId;
use super::requests::{PendingRequest, Requests};
use super::streams::{CREDIT_METHOD, INITIAL_CREDIT, ITEMS_METHOD, ReceivedStreams, SentStreams};
use crate::jsonrpc::errors::{self, CANCELLED};
use crate::jsonrpc::message::{
    self, CallMember, Entry, INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, Message,
    MessageError, NO_ID, PARSE_ERROR, Start, VersionRule,
};
use crate::jsonrpc::{Dialect, Framing, JsonRpc};

/// Bytes of a message around its result or its parameters, at most.
const ENVELOPE: usize = 1024;

/// Translates between JSON-RPC messages of the other side and packets of this side's peer. Does no I/O.
#[derive(Debug)]
pub(super) struct Translator {
    framing: Framing,
    pub(super) dialect: Dialect,
    pub(super) max_message: usize,
    version: VersionRule,
    /// The extensions and limits that this side's peer finds at the other side.
    hello: Hello,
    pub(super) requests: Requests,
    batches: Batches,
    pub(super) methods: Methods,
    pub(super) sent: SentStreams,
    pub(super) received: ReceivedStreams,
    /// The streams of this side's next packet.
    pub(super) opened: Vec<StreamEntry>,
    /// The ids of this side's calls that have no response yet.
    pub(super) calls: HashSet<u32, RandomState>,
    /// The context of this side's next call.
    context: Option<CallInfo>,
    /// Whether this side accepts no more requests.
    is_leaving: bool,
    scratch: Vec<u8>,
    name: Vec<u8>,
    id: String,
}

/// The output of a translation.
#[derive(Debug, Default)]
pub(super) struct Translated {
    /// Packets for this side's peer.
    pub(super) packets: Vec<u8>,
    /// Messages for the other side.
    pub(super) messages: Vec<u8>,
}

/// The error for a message over the limit that may be the response to any call.
#[derive(Debug)]
pub(super) struct UnknownResponse;

impl Translator {
    pub(super) fn new(settings: &JsonRpc) -> Self {
        Self {
            framing: settings.framing,
            dialect: settings.dialect,
            max_message: settings.max_message,
            version: settings.version,
            hello: Self::hello_of(settings),
            requests: Requests::default(),
            batches: Batches::new(settings.max_message),
            methods: Methods::default(),
            sent: SentStreams::default(),
            received: ReceivedStreams::new(settings.max_message),
            opened: Vec::new(),
            calls: HashSet::default(),
            context: None,
            is_leaving: false,
            scratch: Vec::new(),
            name: Vec::new(),
            id: String::new(),
        }
    }

    /// Returns the extensions and limits that this side's peer finds at the other side.
    pub(super) fn hello(&self) -> Hello {
        self.hello
    }

    fn hello_of(settings: &JsonRpc) -> Hello {
        let limit = settings.max_message;
        let limit = limit.saturating_sub(ENVELOPE).max(limit / 2);
        let mut extensions = ExtensionFlags::GOING_AWAY
            .and(ExtensionFlags::ONE_WAY)
            .and(ExtensionFlags::STREAMS);
        if settings.dialect.has_call_member() {
            extensions = extensions.and(ExtensionFlags::CALL_CONTEXT);
        }
        Hello {
            revision: Hello::REVISION,
            extensions,
            payload_limit: u32::try_from(limit).unwrap_or(u32::MAX),
            running_limit: u32::MAX,
        }
    }

    /// Whether later messages wait for an answer of this side's peer.
    pub(super) fn is_waiting(&self) -> bool {
        self.methods.is_waiting()
    }

    /// Handles a message of the other side.
    pub(super) fn handle_message(
        &mut self,
        message: Result<Message<'_>, MessageError>,
        out: &mut Translated,
    ) {
        match message {
            Ok(Message::Single(entry)) => self.handle_entry(entry, None, out),
            Ok(Message::Batch(_)) if !self.dialect.allows_batches() => {
                let reason = format!("there are no batches in {:?}", self.dialect);
                self.fail(NO_ID, INVALID_REQUEST, &reason, None, out);
            }
            Ok(Message::Batch(entries)) => {
                let batch = self.batches.begin();
                for entry in entries {
                    if self.is_waiting() {
                        self.methods.hold(HeldMessage::Entry(entry.into(), batch));
                    } else {
                        self.handle_entry(self.version.read_entry(entry), Some(batch), out);
                    }
                }
                if self.is_waiting() {
                    self.methods.hold(HeldMessage::EndOfBatch(batch));
                } else {
                    self.finish_batch(batch, out);
                }
            }
            Err(error) => {
                let code = match error {
                    MessageError::NotJson(_) => PARSE_ERROR,
                    _ => INVALID_REQUEST,
                };
                self.fail(NO_ID, code, &error.to_string(), None, out);
            }
        }
    }

    /// Handles the start of a message that is longer than allowed, of which the rest is skipped. Returns an error if the
    /// message may be the response to any of this side's calls, which would wait forever.
    pub(super) fn handle_too_large(
        &mut self,
        start: &[u8],
        out: &mut Translated,
    ) -> Result<(), UnknownResponse> {
        let limit = self.max_message as u64;
        let id = match Start::read(start) {
            Start::Request { id } => id.unwrap_or(NO_ID),
            Start::Response { id } => {
                if let Some(call) = self.end_call(id) {
                    self.received.remove(call);
                    let detail = format!("the response has more than {limit} bytes");
                    let error = FrameworkError::InvalidResult.to_error_data(&detail);
                    respond_error(call, &error, out);
                }
                return Ok(());
            }
            Start::Unknown if self.calls.is_empty() => NO_ID,
            Start::Unknown => return Err(UnknownResponse),
        };
        let error = FrameworkError::TooLarge { limit }.to_error_data("the message was skipped");
        self.fail_with(id, &error, None, out);
        Ok(())
    }

    fn handle_entry(&mut self, entry: Entry<'_>, batch: Option<BatchKey>, out: &mut Translated) {
        match entry {
            Entry::Request {
                id: None,
                method,
                params,
                ..
            } if method == self.dialect.cancel_method() => self.handle_cancel(params, out),
            Entry::Request {
                id: None,
                method,
                params,
                ..
            } if method == ITEMS_METHOD => self.handle_items_message(params, out),
            Entry::Request {
                id: None,
                method,
                params,
                ..
            } if method == CREDIT_METHOD => self.handle_credit_message(params, out),
            Entry::Request {
                id,
                method,
                params,
                options,
            } => self.handle_request(id, &method, params, options, batch, out),
            Entry::Response { id, outcome } => {
                if let Some(call) = self.end_call(id) {
                    self.handle_outcome(call, outcome, out);
                }
            }
            Entry::NoMembers { id } => match self.end_call(id) {
                Some(call) => self.handle_outcome(call, Ok("null"), out),
                // A late response. An answer would end the request of the other side that has the same id.
                None if self.requests.contains(&RequestId::new(id)) => {}
                None => self.fail(id, INVALID_REQUEST, "expected a method", batch, out),
            },
            Entry::InvalidResponse { id, reason } => {
                if let Some(call) = self.end_call(id) {
                    self.received.remove(call);
                    let error = FrameworkError::InvalidResult;
                    let detail = format!("the JSON-RPC response is invalid: {reason}");
                    respond_error(call, &error.to_error_data(&detail), out);
                }
            }
            Entry::Invalid { id, reason } => {
                self.fail(id, INVALID_REQUEST, &reason, batch, out);
            }
        }
    }

    fn handle_request(
        &mut self,
        id: Option<&str>,
        method: &str,
        params: Option<&str>,
        options: CallMember,
        batch: Option<BatchKey>,
        out: &mut Translated,
    ) {
        let key = id.map(RequestId::new);
        if let (Some(text), Some(key)) = (id, &key) {
            if self.requests.contains(key) {
                let reason = "a request with this id is in progress";
                return self.fail(text, INVALID_REQUEST, reason, batch, out);
            }
            if method.len() + JSON_SUFFIX.len() > MAX_METHOD_LEN {
                let reason = "method not found: the name is too long";
                return self.fail(text, METHOD_NOT_FOUND, reason, batch, out);
            }
            if self.is_leaving {
                let error = FrameworkError::ShuttingDown.into();
                return self.fail_with(text, &error, batch, out);
            }
        } else if self.is_leaving || method.len() + JSON_SUFFIX.len() > MAX_METHOD_LEN {
            return;
        }
        let mut facts = None;
        if let Some(id) = id {
            let Ok(known) = self.methods.get(method, &mut out.packets) else {
                let request = HeldRequest {
                    id: id.into(),
                    method: method.into(),
                    params: params.map(Into::into),
                    options,
                    batch,
                };
                return self.methods.hold(HeldMessage::Request(Box::new(request)));
            };
            facts = known;
        }
        if let (Some(batch), Some(_)) = (batch, &key) {
            self.batches.expect(batch);
        }
        let batch = batch.filter(|_| key.is_some());
        let is_stream = facts.as_ref().is_some_and(|facts| facts.is_stream);
        let packet_id = self.requests.insert(key, batch, facts);
        if is_stream {
            let to = self.destination(params, options);
            self.sent.open(packet_id, to, &mut out.packets);
        }
        if let Some(timeout) = options.timeout {
            CallInfo::within(timeout).encode(&mut out.packets);
        }
        self.name.clear();
        self.name.extend_from_slice(method.as_bytes());
        self.name.extend_from_slice(JSON_SUFFIX.as_bytes());
        let params = params.unwrap_or_default().as_bytes();
        RequestPacket::encode_head(&mut out.packets, packet_id, &self.name, params.len());
        out.packets.extend_from_slice(params);
    }

    /// Handles the messages that waited for an answer.
    fn resume(&mut self, out: &mut Translated) {
        let mut held = self.methods.take_held();
        while let Some(message) = held.pop_front() {
            match message {
                HeldMessage::Request(request) => {
                    let HeldRequest {
                        id,
                        method,
                        params,
                        options,
                        batch,
                    } = *request;
                    let params = params.as_deref();
                    self.handle_request(Some(&id), &method, params, options, batch, out);
                }
                HeldMessage::Entry(entry, batch) => {
                    self.handle_entry(self.version.read_entry(&entry), Some(batch), out);
                }
                HeldMessage::EndOfBatch(batch) => self.finish_batch(batch, out),
            }
            if self.is_waiting() {
                return self.methods.put_back(held);
            }
        }
    }

    /// Handles the cancel of a request, which may have been answered already.
    fn handle_cancel(&mut self, params: Option<&str>, out: &mut Translated) {
        let Some(id) = params.and_then(|params| self.dialect.cancelled_id(params)) else {
            return;
        };
        if let Some((packet_id, request)) = self.requests.find(&RequestId::new(id)) {
            request.is_abandoned = !self.dialect.answers_cancelled();
            if self.sent.cancel(packet_id) {
                return self.answer_request(packet_id, ResultCode::Cancelled, &[], out);
            }
            Cancel { id: packet_id }.encode(&mut out.packets);
        }
    }

    /// Handles a packet of this side's peer.
    pub(super) fn handle_packet(&mut self, packet: &[u8], out: &mut Translated) {
        let Some((header, payload)) = packet.split_first_chunk::<{ Header::LEN }>() else {
            return;
        };
        let Ok(header) = Header::decode(*header) else {
            return;
        };
        let context = self.context.take();
        if !matches!(header.kind, PacketType::CALL_CONTEXT | PacketType::REQUEST) {
            self.refuse_opened(out);
        }
        // This side's own peer sends no malformed packets.
        match header.kind {
            PacketType::CALL_CONTEXT => {
                self.context = CallInfo::decode(&Bytes::copy_from_slice(payload)).ok();
            }
            PacketType::REQUEST => {
                if let Some((id, rest)) = split_u32(payload)
                    && let Ok(call) = OneWayPacket::decode(rest)
                {
                    self.handle_call(id, call, &context.unwrap_or_default(), out);
                }
            }
            PacketType::ONE_WAY => {
                if let Ok(call) = OneWayPacket::decode(payload) {
                    self.handle_one_way_call(call, out);
                }
            }
            PacketType::RESPONSE => {
                if let Some((id, rest)) = split_u32(payload)
                    && let Some((code, data)) = rest.split_first()
                    && let Some(code) = ResultCode::from_u8(*code)
                {
                    self.handle_response(id, code, data, out);
                }
            }
            PacketType::STREAM_OPEN
            | PacketType::STREAM_ITEMS
            | PacketType::STREAM_CREDIT
            | PacketType::STREAM_END => self.handle_stream_packet(header.kind, payload, out),
            PacketType::CANCEL => {
                if let Ok(Cancel { id }) = Cancel::decode(payload) {
                    self.cancel_call(id, out);
                }
            }
            PacketType::GOING_AWAY if !self.is_leaving => {
                self.is_leaving = true;
                // The other side's calls so far are in front of it.
                let payload = GoingAway::default().encode();
                put_packet(PacketType::GOING_AWAY, &payload, &mut out.packets);
            }
            _ => {}
        }
    }

    fn handle_call(
        &mut self,
        id: u32,
        call: OneWayPacket<'_>,
        context: &CallInfo,
        out: &mut Translated,
    ) {
        if call.method == HELLO_METHOD.as_bytes() {
            if let Some((nonce, hello)) = Hello::decode_question(call.params) {
                let answer = Hello {
                    revision: hello.revision.min(Hello::REVISION),
                    ..self.hello
                };
                respond(id, ResultCode::Success, &answer.encode_answer(nonce), out);
            }
            return;
        }
        let result = match self.take_result(out) {
            Ok(result) => result,
            Err(error) => return respond_error(id, &error, out),
        };
        let method = match method_name(call.method) {
            Ok(method) => method,
            Err(error) => return respond_error(id, &error, out),
        };
        let params = match params_of(call.params) {
            Ok(params) if context.metadata.is_empty() => params,
            Ok(_) => {
                let detail = "metadata cannot be sent to a JSON-RPC peer";
                return respond_error(id, &FrameworkError::Unsupported.to_error_data(detail), out);
            }
            Err(error) => return respond_error(id, &error, out),
        };
        self.calls.insert(id);
        if let Some(entry) = &result {
            self.received.insert(id, entry);
        }
        let mut options = CallMember::default();
        if self.dialect.has_call_member() {
            options.timeout = context.time;
            options.credit = result.map(|_| INITIAL_CREDIT);
        }
        self.send(out, |scratch| {
            message::write_request(scratch, Some(id), method, params, options);
        });
    }

    /// Sends a notification. One that cannot be sent is dropped, as a one-way call has no response.
    fn handle_one_way_call(&mut self, call: OneWayPacket<'_>, out: &mut Translated) {
        if let (Ok(method), Ok(params)) = (method_name(call.method), params_of(call.params)) {
            self.send(out, |scratch| {
                message::write_request(scratch, None, method, params, CallMember::default());
            });
        }
    }

    /// Sends a notification about the connection itself.
    pub(super) fn notify(&mut self, method: &str, params: &[u8], out: &mut Translated) {
        let options = CallMember::default();
        self.send(out, |scratch| {
            message::write_request(scratch, None, method, Some(params), options);
        });
    }

    pub(super) fn cancel_call(&mut self, id: u32, out: &mut Translated) {
        if !self.calls.contains(&id) {
            return;
        }
        self.received.remove(id);
        let params = self.dialect.cancel_params(&id.to_string());
        self.notify(self.dialect.cancel_method(), params.as_bytes(), out);
        if !self.dialect.answers_cancelled() {
            self.calls.remove(&id);
            respond(id, ResultCode::Cancelled, &[], out);
        }
    }

    fn handle_response(&mut self, id: u32, code: ResultCode, data: &[u8], out: &mut Translated) {
        if self.methods.handle_response(id, code, data) {
            return self.resume(out);
        }
        if self.sent.contains(id) {
            let data = Bytes::copy_from_slice(data);
            let packets = &mut out.packets;
            let next = self.sent.handle_response(id, code, data, packets);
            return self.send_items(next, out);
        }
        self.answer_request(id, code, data, out);
    }

    /// Answers a request whose response is not a stream, or whose stream has been sent.
    pub(super) fn answer_request(
        &mut self,
        id: u32,
        code: ResultCode,
        data: &[u8],
        out: &mut Translated,
    ) {
        let Some(PendingRequest {
            id,
            batch,
            is_abandoned,
            facts,
        }) = self.requests.remove(id)
        else {
            return;
        };
        let Some(id) = id else {
            return;
        };
        if is_abandoned {
            if let Some(batch) = batch {
                self.finish_batch(batch, out);
            }
            return;
        }
        let mut text = std::mem::take(&mut self.id);
        let id = id.text(&mut text);
        match code {
            ResultCode::Success if matches!(data, b"" | b"null") => {
                let nothing = self.dialect.nothing().as_bytes();
                self.succeed(id, nothing, batch, out);
            }
            ResultCode::Success if errors::is_json(data) => self.succeed(id, data, batch, out),
            ResultCode::Success => {
                let error = FrameworkError::InvalidResult.to_error_data("it is not JSON");
                self.answer_with(id, &error, batch, out);
            }
            ResultCode::UnknownMethod => {
                let reason = if self.methods.is_undescribed() {
                    "method not found (methods have no JSON names here: `.reflect()` of the builder turns them on)"
                } else {
                    "method not found"
                };
                self.answer(id, METHOD_NOT_FOUND, reason, None, batch, out);
            }
            ResultCode::Cancelled => {
                self.answer(id, CANCELLED, "the request was cancelled", None, batch, out);
            }
            ResultCode::DuplicateRequest => {
                self.answer(id, INTERNAL_ERROR, "internal error", None, batch, out);
            }
            ResultCode::ServiceError => {
                match ErrorData::decode_lossy(Bytes::copy_from_slice(data)) {
                    Ok(error) => {
                        let number = facts.and_then(|facts| facts.number(error.code));
                        if error.code == FrameworkError::Unsupported.code() {
                            // Such as a method whose result has become a stream.
                            self.methods.forget();
                        }
                        let mut parts = errors::to_json(&error);
                        if let Some(number) = number {
                            parts.code = number.into();
                        }
                        let data = parts.data.as_deref();
                        self.answer(id, parts.code, parts.message, data, batch, out);
                    }
                    Err(error) => {
                        let error = error.to_string();
                        self.answer(id, INTERNAL_ERROR, &error, None, batch, out);
                    }
                }
            }
        }
        self.id = text;
    }

    fn succeed(&mut self, id: &str, result: &[u8], batch: Option<BatchKey>, out: &mut Translated) {
        self.answer_by(batch, id, out, |scratch| {
            message::write_result(scratch, id, result);
        });
    }

    /// Answers a request with an error.
    pub(super) fn answer_with(
        &mut self,
        id: &str,
        error: &ErrorData,
        batch: Option<BatchKey>,
        out: &mut Translated,
    ) {
        let parts = errors::to_json(error);
        self.answer(
            id,
            parts.code,
            parts.message,
            parts.data.as_deref(),
            batch,
            out,
        );
    }

    fn answer(
        &mut self,
        id: &str,
        code: i64,
        text: &str,
        data: Option<&[u8]>,
        batch: Option<BatchKey>,
        out: &mut Translated,
    ) {
        let shown = Some(id).filter(|id| *id != NO_ID || self.dialect.has_null_id());
        self.answer_by(batch, id, out, |scratch| {
            message::write_error(scratch, shown, code, text, data);
        });
    }

    /// As [`fail`](Self::fail), with an error of the framework.
    fn fail_with(
        &mut self,
        id: &str,
        error: &ErrorData,
        batch: Option<BatchKey>,
        out: &mut Translated,
    ) {
        if let Some(batch) = batch {
            self.batches.expect(batch);
        }
        self.answer_with(id, error, batch, out);
    }

    /// Answers a message that no request was made of.
    fn fail(
        &mut self,
        id: &str,
        code: i64,
        text: &str,
        batch: Option<BatchKey>,
        out: &mut Translated,
    ) {
        if let Some(batch) = batch {
            self.batches.expect(batch);
        }
        self.answer(id, code, text, None, batch, out);
    }

    /// Sends a response, with others of its batch.
    fn answer_by(
        &mut self,
        batch: Option<BatchKey>,
        id: &str,
        out: &mut Translated,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(batch) = batch else {
            return self.send(out, write);
        };
        self.scratch.clear();
        write(&mut self.scratch);
        if !self.batches.has_room(&self.scratch) {
            let limit = self.batches.max_held() as u64;
            let text = "the responses of the batch are too large";
            let error = FrameworkError::TooLarge { limit }.to_error_data(text);
            let parts = errors::to_json(&error);
            self.scratch.clear();
            let data = parts.data.as_deref();
            message::write_error(
                &mut self.scratch,
                Some(id),
                INTERNAL_ERROR,
                parts.message,
                data,
            );
        }
        self.batches.add(batch, &self.scratch);
        self.finish_batch(batch, out);
    }

    fn finish_batch(&mut self, batch: BatchKey, out: &mut Translated) {
        if let Some(message) = self.batches.finish(batch) {
            self.framing.encode(&message, &mut out.messages);
        }
    }

    fn send(&mut self, out: &mut Translated, write: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        write(&mut self.scratch);
        self.framing.encode(&self.scratch, &mut out.messages);
        self.scratch.shrink_to(KEPT);
    }
}

/// The most bytes that a buffer keeps for the next message.
const KEPT: usize = 64 << 10;

/// The name of a called method in JSON-RPC.
fn method_name(name: &[u8]) -> Result<&str, ErrorData> {
    let detail = match str::from_utf8(name) {
        Err(_) => "the name of a JSON-RPC method is UTF-8",
        Ok(name) => match name.strip_suffix(JSON_SUFFIX) {
            Some(method) => return Ok(method),
            None => {
                "the other side speaks JSON-RPC, so it is called in JSON: use `with_json()` of the client"
            }
        },
    };
    Err(FrameworkError::Unsupported.to_error_data(detail))
}

/// The parameters of a call in JSON-RPC.
fn params_of(params: &[u8]) -> Result<Option<&[u8]>, ErrorData> {
    match params.trim_ascii() {
        // No arguments. An object without members is an argument of a method with `#[chirp(params)]`.
        b"" | b"null" | b"[]" => Ok(None),
        params if matches!(params[0], b'{' | b'[') && errors::is_json(params) => Ok(Some(params)),
        _ => {
            let detail = "the params of a JSON-RPC request are a JSON object or array";
            Err(FrameworkError::InvalidArguments.to_error_data(detail))
        }
    }
}
