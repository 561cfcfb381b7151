use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use chirp_runtime::packet::{
    EndReason, ErrorData, StreamCredit, StreamEnd, StreamEntry, StreamId, StreamItems,
};
use foldhash::fast::RandomState;

/// The number of items that the other side may send before this side asks for more.
pub(in crate::jsonrpc::adapter) const INITIAL_CREDIT: u64 = 64;

/// The bytes that an item costs besides its own (PROTOCOL.md, section 10.6).
const ITEM_COST: usize = 16;

/// The streams whose items come from the other side, as results of this side's calls.
#[derive(Debug)]
pub(in crate::jsonrpc::adapter) struct ReceivedStreams {
    /// By the id of the call.
    streams: HashMap<u32, ReceivedStream, RandomState>,
    /// The calls by the numbers of their streams.
    by_number: HashMap<u32, u32, RandomState>,
    /// The bytes of items that wait for credit, each with its cost.
    held: usize,
    max_held: usize,
}

/// The error for items beyond the limit.
#[derive(Debug)]
pub(in crate::jsonrpc::adapter) struct TooManyItems;

#[derive(Debug)]
struct ReceivedStream {
    number: u32,
    /// The bytes of items that this side's peer takes, negative by one item at most.
    credit: i64,
    /// Items that wait for credit.
    held: VecDeque<Bytes>,
    /// The number of items that have been passed on.
    items: u64,
    /// The number of them that the other side has not been told of.
    ungranted: u64,
    /// The packets of the response, which comes after the items.
    end: Option<ReceivedEnd>,
}

#[derive(Debug)]
struct ReceivedEnd {
    succeeds: bool,
    response: Vec<u8>,
}

impl ReceivedStreams {
    /// Creates an empty list of streams that hold at most `max_held` bytes together.
    pub(in crate::jsonrpc::adapter) fn new(max_held: usize) -> Self {
        Self {
            streams: HashMap::default(),
            by_number: HashMap::default(),
            held: 0,
            max_held,
        }
    }

    /// Adds the stream of a call.
    pub(in crate::jsonrpc::adapter) fn insert(&mut self, call: u32, entry: &StreamEntry) {
        self.by_number.insert(entry.number, call);
        let stream = ReceivedStream {
            number: entry.number,
            credit: entry.window.into(),
            held: VecDeque::new(),
            items: 0,
            ungranted: 0,
            end: None,
        };
        self.streams.insert(call, stream);
    }

    /// Handles items of the other side. Returns the number of items to ask the other side for.
    pub(in crate::jsonrpc::adapter) fn handle_items<'a>(
        &mut self,
        call: u32,
        items: impl IntoIterator<Item = &'a str>,
        packets: &mut Vec<u8>,
    ) -> Result<Option<u64>, TooManyItems> {
        let Some(stream) = self.streams.get_mut(&call) else {
            return Ok(None);
        };
        if stream.end.is_some() {
            return Ok(None);
        }
        for item in items {
            self.held += item.len() + ITEM_COST;
            stream
                .held
                .push_back(Bytes::copy_from_slice(item.as_bytes()));
        }
        let passed = stream.pass_on(packets);
        self.held -= passed;
        if self.held > self.max_held {
            return Err(TooManyItems);
        }
        Ok(stream.grant())
    }

    /// Handles the credit of this side's peer. Calls `ask` with each call and the number of items to ask the other side for.
    pub(in crate::jsonrpc::adapter) fn handle_credit(
        &mut self,
        credit: &StreamCredit,
        packets: &mut Vec<u8>,
        mut ask: impl FnMut(u32, u64),
    ) {
        for (id, bytes) in credit.entries() {
            let call = self.by_number.get(&id.number()).copied();
            let call = call.filter(|_| id.is_of_sender());
            let Some((call, stream)) =
                call.and_then(|call| Some((call, self.streams.get_mut(&call)?)))
            else {
                continue;
            };
            stream.credit = stream.credit.saturating_add(bytes.into());
            self.held -= stream.pass_on(packets);
            if let Some(count) = stream.grant() {
                ask(call, count);
            }
            if stream.is_over() {
                self.remove(call);
            }
        }
    }

    /// Returns whether the result of a call is a stream.
    pub(in crate::jsonrpc::adapter) fn contains(&self, call: u32) -> bool {
        self.streams.contains_key(&call)
    }

    /// Handles the packets of the response to a call with a stream, which come after its items.
    pub(in crate::jsonrpc::adapter) fn handle_response(
        &mut self,
        call: u32,
        succeeds: bool,
        response: Vec<u8>,
        packets: &mut Vec<u8>,
    ) {
        let Some(stream) = self.streams.get_mut(&call) else {
            return;
        };
        stream.end = Some(ReceivedEnd { succeeds, response });
        self.held -= stream.pass_on(packets);
        if stream.is_over() {
            self.remove(call);
        }
    }

    /// Handles the end that this side's peer asks for.
    pub(in crate::jsonrpc::adapter) fn handle_end(&mut self, id: StreamId, packets: &mut Vec<u8>) {
        let Some(call) = self
            .by_number
            .get(&id.number())
            .filter(|_| id.is_of_sender())
        else {
            return;
        };
        let items = self.streams.get(call).map_or(0, |stream| stream.items);
        end(id.number(), EndReason::Cancelled, items, packets);
        self.remove(*call);
    }

    /// Forgets the stream of a call.
    pub(in crate::jsonrpc::adapter) fn remove(&mut self, call: u32) {
        if let Some(stream) = self.streams.remove(&call) {
            self.by_number.remove(&stream.number);
            let held = stream.held.iter();
            self.held -= held.map(|item| item.len() + ITEM_COST).sum::<usize>();
        }
    }
}

impl ReceivedStream {
    /// Passes items on for which there is credit, and then the end. Returns what the items cost.
    fn pass_on(&mut self, packets: &mut Vec<u8>) -> usize {
        let mut cost = 0;
        while self.credit > 0 && !self.held.is_empty() {
            let count = self.next_run();
            let run = self.held.iter().take(count.into());
            let bytes = run.map(Bytes::len).sum();
            let id = StreamId::of_receiver(self.number);
            StreamItems::encode_head(packets, id, count, bytes);
            for item in self.held.drain(..usize::from(count)) {
                StreamItems::encode_item_head(packets, item.len());
                packets.extend_from_slice(&item);
            }
            let run_cost = bytes + usize::from(count) * ITEM_COST;
            self.credit = self.credit.saturating_sub_unsigned(run_cost as u64);
            self.items += u64::from(count);
            self.ungranted += u64::from(count);
            cost += run_cost;
        }
        if self.held.is_empty()
            && let Some(mut last) = self.end.take()
        {
            if last.succeeds {
                end(self.number, EndReason::Finished, self.items, packets);
            }
            packets.append(&mut last.response);
            // Marks the stream as over.
            self.credit = i64::MIN;
        }
        cost
    }

    /// Returns the number of items in the next packet: those that fit into one and have credit.
    fn next_run(&self) -> u16 {
        let (mut count, mut bytes, mut credit) = (0_u16, 0, self.credit);
        for item in &self.held {
            bytes += item.len();
            let length = StreamItems::payload_len(usize::from(count) + 1, bytes);
            if credit <= 0 || count > 0 && length > StreamItems::CHUNK || count == u16::MAX {
                break;
            }
            credit = credit.saturating_sub_unsigned((item.len() + ITEM_COST) as u64);
            count += 1;
        }
        count
    }

    fn is_over(&self) -> bool {
        self.credit == i64::MIN
    }

    /// Returns the number of items to ask for, once half of the credit has been used.
    fn grant(&mut self) -> Option<u64> {
        if self.ungranted < INITIAL_CREDIT / 2 || self.is_over() {
            return None;
        }
        Some(std::mem::take(&mut self.ungranted))
    }
}

/// Appends the end of a stream that this side's peer opened.
fn end(number: u32, reason: EndReason, items: u64, packets: &mut Vec<u8>) {
    let end = StreamEnd {
        id: StreamId::of_receiver(number),
        reason,
        items,
        error: ErrorData::default(),
    };
    end.encode(packets);
}

/// Appends the refusal of a stream that this side's peer opened.
pub(in crate::jsonrpc::adapter) fn refuse(entry: &StreamEntry, packets: &mut Vec<u8>) {
    end(entry.number, EndReason::Refused, 0, packets);
}
