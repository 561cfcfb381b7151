use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use chirp_runtime::packet::{
    ResultCode, StreamCredit, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use foldhash::fast::RandomState;

use super::JSON;

/// The bytes of items that this side's peer may send before the first have been passed on.
const WINDOW: u32 = 64 << 10;

/// The bytes that an item costs besides its own (PROTOCOL.md, section 10.6).
const ITEM_COST: usize = 16;

/// The lists of items that wait for their ends, for all requests of a connection, in longest messages.
pub(in crate::jsonrpc::adapter) const MAX_LISTS: usize = 4;

/// The streams whose items go to the other side.
#[derive(Debug, Default)]
pub(in crate::jsonrpc::adapter) struct SentStreams {
    /// By the number of the stream.
    streams: HashMap<u32, SentStream, RandomState>,
    /// The numbers of streams by the packet ids of their requests.
    by_request: HashMap<u32, u32, RandomState>,
    last_number: u32,
    /// The bytes of all lists ([`ItemsTo::Result`]).
    listed: usize,
}

/// The way in which items reach the other side.
#[derive(Debug)]
pub(in crate::jsonrpc::adapter) enum ItemsTo {
    /// Notifications with the id of the request. If the caller limits them, with the number of items that may be sent.
    Items(Option<u64>),
    /// Partial results of LSP, with the JSON of their token.
    PartialResults(String),
    /// One array, which is the result. Its elements so far, with commas.
    Result(Vec<u8>),
}

#[derive(Debug)]
struct SentStream {
    request: u32,
    to: ItemsTo,
    /// Items that wait for credit: as many as fit into the window, and one more.
    held: VecDeque<Bytes>,
    /// The response, which comes after the items.
    response: Option<(ResultCode, Bytes)>,
    /// Whether items are dropped: whoever cancels gives no more credit. The response may have crossed the cancel.
    is_cancelled: bool,
}

/// The next step of a stream.
#[derive(Debug)]
pub(in crate::jsonrpc::adapter) struct ToSend {
    /// The packet id of the request.
    pub(in crate::jsonrpc::adapter) request: u32,
    /// Items that are due now.
    pub(in crate::jsonrpc::adapter) items: Vec<Bytes>,
    /// The token of partial results, in JSON.
    pub(in crate::jsonrpc::adapter) token: Option<String>,
    /// The response, if it is due after the items.
    pub(in crate::jsonrpc::adapter) response: Option<(ResultCode, Bytes)>,
}

impl SentStreams {
    /// Opens the stream of a request whose packet follows.
    pub(in crate::jsonrpc::adapter) fn open(
        &mut self,
        request: u32,
        to: ItemsTo,
        packets: &mut Vec<u8>,
    ) {
        let number = self.free_number();
        let entry = StreamEntry {
            number,
            to_opener: true,
            bound: true,
            result: true,
            codec: JSON,
            window: WINDOW,
        };
        StreamOpen::encode(packets, &[entry]);
        self.by_request.insert(request, number);
        let stream = SentStream {
            request,
            to,
            held: VecDeque::new(),
            response: None,
            is_cancelled: false,
        };
        self.streams.insert(number, stream);
    }

    fn free_number(&mut self) -> u32 {
        loop {
            self.last_number = self.last_number % StreamId::MAX_NUMBER + 1;
            // There are never so many requests that all are taken.
            if !self.streams.contains_key(&self.last_number) {
                return self.last_number;
            }
        }
    }

    /// Handles items of this side's peer.
    pub(in crate::jsonrpc::adapter) fn handle_items(
        &mut self,
        items: StreamItems,
        packets: &mut Vec<u8>,
    ) -> Option<ToSend> {
        let number = items.id.number();
        let stream = self.streams.get_mut(&number)?;
        if items.id.is_of_sender() {
            return None;
        }
        stream.held.extend(items.items);
        let before = stream.listed();
        let next = stream.next(number, packets);
        self.listed += stream.listed() - before;
        next
    }

    /// Handles the credit of the other side.
    pub(in crate::jsonrpc::adapter) fn handle_credit(
        &mut self,
        request: u32,
        count: u64,
        packets: &mut Vec<u8>,
    ) -> Option<ToSend> {
        let number = *self.by_request.get(&request)?;
        let stream = self.streams.get_mut(&number)?;
        if let ItemsTo::Items(Some(credit)) = &mut stream.to {
            *credit = credit.saturating_add(count);
        }
        let next = stream.next(number, packets);
        self.remove_answered(next)
    }

    /// Returns whether the result of a request is a stream.
    pub(in crate::jsonrpc::adapter) fn contains(&self, request: u32) -> bool {
        self.by_request.contains_key(&request)
    }

    /// Handles the response of a request with a stream.
    pub(in crate::jsonrpc::adapter) fn handle_response(
        &mut self,
        request: u32,
        code: ResultCode,
        data: Bytes,
        packets: &mut Vec<u8>,
    ) -> Option<ToSend> {
        let number = *self.by_request.get(&request)?;
        let stream = self.streams.get_mut(&number)?;
        stream.response = Some((code, data));
        let next = stream.next(number, packets);
        self.remove_answered(next)
    }

    /// Drops the items of a request that is cancelled, so that the response need not wait for them. Returns `true` if the
    /// response has arrived.
    pub(in crate::jsonrpc::adapter) fn cancel(&mut self, request: u32) -> bool {
        let number = self.by_request.get(&request);
        let Some(stream) = number.and_then(|number| self.streams.get_mut(number)) else {
            return false;
        };
        stream.is_cancelled = true;
        stream.held.clear();
        let is_answered = stream.response.is_some();
        if is_answered {
            self.remove(request);
        }
        is_answered
    }

    fn remove_answered(&mut self, next: Option<ToSend>) -> Option<ToSend> {
        if let Some(next) = &next
            && next.response.is_some()
        {
            self.remove(next.request);
        }
        next
    }

    /// Forgets the stream of a request.
    pub(in crate::jsonrpc::adapter) fn remove(&mut self, request: u32) {
        if let Some(number) = self.by_request.remove(&request)
            && let Some(stream) = self.streams.remove(&number)
        {
            self.listed -= stream.listed();
        }
    }

    /// Returns the request of a stream whose list has become longer than `limit`, or made all lists longer than
    /// [`MAX_LISTS`] times that.
    pub(in crate::jsonrpc::adapter) fn too_long(&self, number: u32, limit: usize) -> Option<u32> {
        let stream = self.streams.get(&number)?;
        let listed = stream.listed();
        let is_too_long = listed > limit || listed > 0 && self.listed / MAX_LISTS > limit;
        is_too_long.then_some(stream.request)
    }
}

impl SentStream {
    /// Returns the bytes of the list so far.
    fn listed(&self) -> usize {
        match &self.to {
            ItemsTo::Result(list) => list.len(),
            _ => 0,
        }
    }

    /// Takes the items that may be sent, and gives back what they cost.
    fn next(&mut self, number: u32, packets: &mut Vec<u8>) -> Option<ToSend> {
        if self.is_cancelled {
            self.held.clear();
        }
        let count = match &mut self.to {
            ItemsTo::Items(Some(credit)) => {
                let count = usize::try_from(*credit)
                    .unwrap_or(usize::MAX)
                    .min(self.held.len());
                *credit -= count as u64;
                count
            }
            _ => self.held.len(),
        };
        let mut items: Vec<Bytes> = self.held.drain(..count).collect();
        let response = if self.held.is_empty() {
            self.response.take()
        } else {
            None
        };
        if !items.is_empty() && response.is_none() {
            let cost: usize = items.iter().map(|item| item.len() + ITEM_COST).sum();
            let cost = u32::try_from(cost).unwrap_or(u32::MAX);
            StreamCredit::encode(packets, &[(StreamId::of_sender(number), cost)]);
        }
        let mut token = None;
        let response = match &mut self.to {
            ItemsTo::Items(_) => response,
            ItemsTo::PartialResults(of) => {
                token = Some(of.clone());
                response.map(|response| with_result(response, || b"[]".to_vec()))
            }
            ItemsTo::Result(list) => {
                for item in items.drain(..) {
                    if !list.is_empty() {
                        list.push(b',');
                    }
                    list.extend_from_slice(&item);
                }
                response.map(|response| with_result(response, || [&b"["[..], list, b"]"].concat()))
            }
        };
        if items.is_empty() && response.is_none() {
            return None;
        }
        Some(ToSend {
            request: self.request,
            items,
            token,
            response,
        })
    }
}

/// Gives a successful response a result.
fn with_result(
    (code, data): (ResultCode, Bytes),
    result: impl FnOnce() -> Vec<u8>,
) -> (ResultCode, Bytes) {
    match code {
        ResultCode::Success => (code, result().into()),
        _ => (code, data),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use chirp_runtime::packet::Header;

    use super::*;

    /// Adds one item of 60 bytes to the list of a stream. Returns the request that fails.
    fn list(streams: &mut SentStreams, number: u32) -> Option<u32> {
        let mut packet = Vec::new();
        StreamItems::encode_head(&mut packet, StreamId::of_receiver(number), 1, 60);
        StreamItems::encode_item_head(&mut packet, 60);
        packet.extend([b'1'; 60]);
        let payload = Bytes::from(packet).split_off(Header::LEN);
        let items = StreamItems::decode(payload).unwrap();
        assert!(streams.handle_items(items, &mut Vec::new()).is_none());
        streams.too_long(number, 100)
    }

    #[test]
    fn the_lists_of_a_connection_share_a_limit() {
        let mut streams = SentStreams::default();
        for request in 1..=8 {
            streams.open(request, ItemsTo::Result(Vec::new()), &mut Vec::new());
        }
        for number in 1..=6 {
            assert_eq!(list(&mut streams, number), None, "{number}");
        }
        assert_eq!(list(&mut streams, 7), Some(7));
        streams.remove(7);
        streams.remove(1);
        assert_eq!(list(&mut streams, 8), None);
        assert_eq!(list(&mut streams, 2), Some(2), "longer than a message");
        for request in 2..=8 {
            streams.remove(request);
        }
        assert_eq!(streams.listed, 0);
    }
}
