//! The part of the translator for streams.

use bytes::Bytes;
use chirp_runtime::packet::{
    Cancel, ErrorData, FrameworkError, PacketType, ResultCode, StreamCredit, StreamEnd,
    StreamEntry, StreamItems, StreamOpen,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::packets::{respond, respond_error};
use super::request_id::RequestId;
use super::streams::{
    CREDIT_METHOD, CreditParams, ITEMS_METHOD, ItemsParams, ItemsTo, JSON, ToSend, TooManyItems,
    refuse, write_credit, write_items, write_list,
};
use super::translator::{Translated, Translator};
use crate::jsonrpc::Dialect;
use crate::jsonrpc::errors::{self, CANCELLED};
use crate::jsonrpc::message::{CallMember, ErrorObject, MAX_ID, METHOD_NOT_FOUND};

/// The member of the parameters with which a caller of LSP asks for partial results.
#[derive(Deserialize)]
struct PartialResultParams<'a> {
    #[serde(borrow, rename = "partialResultToken")]
    token: Option<&'a RawValue>,
}

/// The notification with partial results of LSP.
const PROGRESS_METHOD: &str = "$/progress";

impl Translator {
    /// Returns where the items of a result go.
    pub(super) fn destination(&self, params: Option<&str>, options: CallMember) -> ItemsTo {
        if self.dialect != Dialect::Lsp {
            return ItemsTo::Items(options.credit);
        }
        // Parameters by position have no members.
        let params = params.filter(|params| params.starts_with('{'));
        match params.map(serde_json::from_str) {
            // A token is kept as long as its request, so a long one is not used, which LSP allows.
            Some(Ok(PartialResultParams { token: Some(token) })) if token.get().len() <= MAX_ID => {
                ItemsTo::PartialResults(token.get().to_owned())
            }
            _ => ItemsTo::Result(Vec::new()),
        }
    }

    /// Handles a packet of this side's peer that belongs to streams.
    pub(super) fn handle_stream_packet(
        &mut self,
        kind: PacketType,
        payload: &[u8],
        out: &mut Translated,
    ) {
        // This side's own peer sends no malformed packets.
        match kind {
            PacketType::STREAM_OPEN => {
                self.opened = StreamOpen::decode(payload).unwrap_or_default();
            }
            PacketType::STREAM_ITEMS => {
                if let Ok(items) = StreamItems::decode(Bytes::copy_from_slice(payload)) {
                    let number = items.id.number();
                    let next = self.sent.handle_items(items, &mut out.packets);
                    self.send_items(next, out);
                    self.fail_if_too_long(number, out);
                }
            }
            PacketType::STREAM_CREDIT => {
                if let Ok(credit) = StreamCredit::decode(Bytes::copy_from_slice(payload)) {
                    let mut wanted = Vec::new();
                    let ask = |call, count| wanted.push((call, count));
                    self.received.handle_credit(&credit, &mut out.packets, ask);
                    for (call, count) in wanted {
                        self.ask_for_items(call, count, out);
                    }
                }
            }
            PacketType::STREAM_END => {
                // The end of a stream whose items go to the other side is told by its response.
                if let Ok(end) = StreamEnd::decode(Bytes::copy_from_slice(payload)) {
                    self.received.handle_end(end.id, &mut out.packets);
                }
            }
            _ => {}
        }
    }

    /// Takes the stream that this side's next call wants as its result.
    ///
    /// # Errors
    ///
    /// Other streams are refused, with an error for the call.
    pub(super) fn take_result(
        &mut self,
        out: &mut Translated,
    ) -> Result<Option<StreamEntry>, ErrorData> {
        let reason = match &self.opened[..] {
            [] => return Ok(None),
            [entry] if entry.result && entry.codec == JSON => {
                let entry = *entry;
                self.opened.clear();
                return Ok(Some(entry));
            }
            [entry] if entry.result => {
                "the other side speaks JSON-RPC, so it is called in JSON: use `with_json()` of the client"
            }
            _ => "streams as arguments cannot be sent to a JSON-RPC peer",
        };
        self.refuse_opened(out);
        Err(FrameworkError::Unsupported.to_error_data(reason))
    }

    /// Refuses the streams of the last packet. Those that are bound to a call end with it.
    pub(super) fn refuse_opened(&mut self, out: &mut Translated) {
        for entry in std::mem::take(&mut self.opened) {
            if !entry.bound {
                refuse(&entry, &mut out.packets);
            }
        }
    }

    /// Sends items of a result, and the response after the last.
    pub(super) fn send_items(&mut self, next: Option<ToSend>, out: &mut Translated) {
        let Some(next) = next else {
            return;
        };
        if let Some(request) = self.requests.get_mut(next.request)
            && let Some(id) = &request.id
            && !request.is_abandoned
            && !next.items.is_empty()
        {
            let mut text = String::new();
            let id = id.text(&mut text);
            let mut params = Vec::new();
            let method = match &next.token {
                None => {
                    write_items(&mut params, id, &next.items);
                    ITEMS_METHOD
                }
                Some(token) => {
                    params.extend_from_slice(b"{\"token\":");
                    params.extend_from_slice(token.as_bytes());
                    params.extend_from_slice(b",\"value\":");
                    write_list(&mut params, &next.items);
                    params.push(b'}');
                    PROGRESS_METHOD
                }
            };
            self.notify(method, &params, out);
        }
        if let Some((code, data)) = next.response {
            self.answer_request(next.request, code, &data, out);
        }
    }

    /// Fails a request whose list of items has become too long.
    fn fail_if_too_long(&mut self, number: u32, out: &mut Translated) {
        let Some(request) = self.sent.too_long(number, self.max_message) else {
            return;
        };
        self.sent.remove(request);
        Cancel { id: request }.encode(&mut out.packets);
        let limit = self.max_message as u64;
        let detail =
            "the list of items is longer than a message may be, or all lists than four messages";
        let error = FrameworkError::TooLarge { limit }.to_error_data(detail);
        if let Some(pending) = self.requests.get_mut(request)
            && let Some(id) = &pending.id
        {
            let (id, batch) = (id.text(&mut String::new()).to_owned(), pending.batch.take());
            // The packet that ends the request has no further answer.
            pending.is_abandoned = true;
            self.answer_with(&id, &error, batch, out);
        }
    }

    /// Handles items of the other side.
    pub(super) fn handle_items_message(&mut self, params: Option<&str>, out: &mut Translated) {
        let params = params.map(serde_json::from_str);
        let Some(Ok(ItemsParams { id, items })) = params else {
            return;
        };
        let Some(call) = self.find_call(id.get()) else {
            return;
        };
        let items = items.into_iter().map(RawValue::get);
        self.receive_items(call, items, out);
    }

    /// Passes items on to this side's peer. Returns `false` if the call has failed because of them.
    fn receive_items<'a>(
        &mut self,
        call: u32,
        items: impl IntoIterator<Item = &'a str>,
        out: &mut Translated,
    ) -> bool {
        let packets = &mut out.packets;
        match self.received.handle_items(call, items, packets) {
            Ok(None) => {}
            Ok(Some(count)) => self.ask_for_items(call, count, out),
            Err(TooManyItems) => {
                self.cancel_call(call, out);
                // MCP peers do not answer, so the call has been answered as cancelled.
                if self.calls.remove(&call) {
                    let limit = self.max_message;
                    let detail = format!(
                        "the JSON-RPC peer sends items faster than they are taken: more than {limit} bytes wait"
                    );
                    let error = FrameworkError::Overloaded.to_error_data(&detail);
                    respond_error(call, &error, out);
                }
                return false;
            }
        }
        true
    }

    fn ask_for_items(&mut self, call: u32, count: u64, out: &mut Translated) {
        if self.dialect.has_call_member() {
            self.notify(CREDIT_METHOD, write_credit(call, count).as_bytes(), out);
        }
    }

    /// Finds a call of this side by its id.
    fn find_call(&self, id: &str) -> Option<u32> {
        let RequestId::Integer(id) = RequestId::new(id) else {
            return None;
        };
        u32::try_from(id).ok().filter(|id| self.calls.contains(id))
    }

    /// Handles the other side's credit for items of a result.
    pub(super) fn handle_credit_message(&mut self, params: Option<&str>, out: &mut Translated) {
        let params = params.map(serde_json::from_str);
        let Some(Ok(CreditParams { id, count })) = params else {
            return;
        };
        if let Some((request, _)) = self.requests.find(&RequestId::new(id.get())) {
            let packets = &mut out.packets;
            let next = self.sent.handle_credit(request, count, packets);
            self.send_items(next, out);
        }
    }

    /// Handles the response to a call whose result is a stream. A result that is an array has the last items, or all of them:
    /// a method of a program that knows no streams is called as one whose result is a list.
    pub(super) fn end_received(
        &mut self,
        call: u32,
        outcome: Result<&str, ErrorObject<'_>>,
        out: &mut Translated,
    ) {
        let mut response = Translated::default();
        let succeeds = match outcome {
            Ok("null") => true,
            Ok(result) if result == self.dialect.nothing() => true,
            Ok(result) => {
                if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(result) {
                    // The call is over for the other side, but it may still fail because of its items.
                    self.calls.insert(call);
                    let items = items.into_iter().map(RawValue::get);
                    let received = self.receive_items(call, items, out);
                    self.calls.remove(&call);
                    if !received {
                        return;
                    }
                    true
                } else {
                    let detail =
                        "the result of a method with a stream is neither null nor an array";
                    let error = FrameworkError::InvalidResult.to_error_data(detail);
                    respond_error(call, &error, &mut response);
                    false
                }
            }
            Err(error) => {
                match error.code {
                    METHOD_NOT_FOUND => {
                        respond(call, ResultCode::UnknownMethod, &[], &mut response);
                    }
                    CANCELLED => respond(call, ResultCode::Cancelled, &[], &mut response),
                    _ => respond_error(call, &errors::from_json(&error), &mut response),
                }
                false
            }
        };
        if succeeds {
            respond(call, ResultCode::Success, &[], &mut response);
        }
        let packets = &mut out.packets;
        self.received
            .handle_response(call, succeeds, response.packets, packets);
    }
}
