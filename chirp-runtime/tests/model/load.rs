use bytes::Bytes;
use chirp_runtime::session::{Limits, StreamKind, StreamSpec};

use super::rng::Rng;

/// The random parameters of one run: the limits and the load.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) limits: [Limits; 2],
    /// The most bytes on the way in each direction.
    pub(crate) pipe: usize,
    /// The number of calls that each side makes on its own.
    pub(crate) calls: [usize; 2],
    /// The longest results, in bytes.
    pub(crate) longest: usize,
    /// The longest parameters, in bytes.
    pub(crate) longest_params: usize,
    /// The percentage of calls that are application packets instead.
    pub(crate) packets: usize,
    /// The percentage of one-way calls.
    pub(crate) one_way: usize,
    /// Whether some of these wait for no answer at all. There is no limit on their number.
    pub(crate) unanswered: bool,
    /// The percentage of calls that are cancelled.
    pub(crate) dropped: usize,
    /// The percentage of calls whose handlers make a nested call.
    pub(crate) nested: usize,
    /// The percentage of calls that are never answered.
    pub(crate) waiting: usize,
    /// The percentage of calls that open streams.
    pub(crate) streams: usize,
    /// The most items of a stream.
    pub(crate) items: usize,
    /// Which sides shut down before everything is done.
    pub(crate) leaves: [bool; 2],
    /// Whether the channel ends before everything is done.
    pub(crate) ends: bool,
}

impl Load {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let most = [30, 150][rng.below(2)];
        let longest = rng.between(TICKET, most);
        let widest = [3, 120][rng.below(2)];
        let streams = [0, 30, 90][rng.below(3)];
        Self {
            streams,
            items: [3, 40, 400][rng.below(3)],
            limits: [(); 2].map(|()| limits(rng, longest, streams > 0)),
            pipe: rng.between(1, widest),
            calls: [rng.below(60), rng.below(60)],
            longest,
            longest_params: longest,
            packets: [0, 0, 30][rng.below(3)],
            one_way: [0, 10, 90][rng.below(3)],
            unanswered: true,
            dropped: [0, 20, 60][rng.below(3)],
            nested: [0, 40, 80][rng.below(3)],
            waiting: [0, 0, 20][rng.below(3)],
            leaves: [(); 2].map(|()| rng.percent(30)),
            ends: rng.percent(5),
        }
    }
}

/// Limits with room for a few packets, or for less than one.
fn limits(rng: &mut Rng, longest: usize, streams: bool) -> Limits {
    let mut limits = Limits::default();
    // Neither `longest` with its id nor a refusal exceeds the payload limit.
    limits.max_payload = longest + 100;
    limits.max_streams = if streams { rng.between(2, 60) } else { 0 };
    limits.max_stream_buffer = 1 << 20;
    limits.max_pending_calls = rng.between(3, 40);
    limits.max_concurrent_handlers = rng.between(1, 8);
    limits.max_handler_bytes = rng.between(1, 600);
    limits.max_write_buffer = rng.between(0, 400);
    limits
}

/// The encoded length of a [`Ticket`].
pub(crate) const TICKET: usize = 15;

/// The encoded length of a [`StreamTicket`].
const STREAM: usize = 12;

/// A call's request, which determines its result, so that results cannot be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// A number that is unique in the run.
    pub(crate) number: u64,
    /// The length of the result.
    pub(crate) answer: u16,
    /// The number of nested calls back and forth.
    pub(crate) depth: u8,
    /// Whether the call ends only when it is cancelled.
    pub(crate) waits: bool,
    /// The streams that the call opens.
    pub(crate) streams: [Option<StreamTicket>; 2],
    /// The stream that the response opens, as seen from the caller.
    pub(crate) back: Option<StreamTicket>,
}

/// A stream's contents, so that the items of different streams cannot be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamTicket {
    /// A number that is unique in the run.
    pub(crate) number: u64,
    /// The number of items.
    pub(crate) items: u16,
    /// Whether the caller sends the items.
    pub(crate) sends: bool,
    pub(crate) kind: StreamKind,
}

impl StreamTicket {
    pub(crate) fn new(rng: &mut Rng, load: &Load, number: u64) -> Self {
        let sends = rng.percent(50);
        let kind = [StreamKind::Free, StreamKind::Bound, StreamKind::Result][rng.below(3)];
        Self {
            number,
            items: u16::try_from(rng.between(0, load.items)).expect("few"),
            // The caller receives a result.
            sends: sends && kind != StreamKind::Result,
            kind,
        }
    }

    /// The same stream, not bound to its call.
    pub(crate) fn freed(mut self) -> Self {
        self.kind = StreamKind::Free;
        self
    }

    pub(crate) fn spec(self) -> StreamSpec {
        StreamSpec {
            sends: self.sends,
            kind: self.kind,
            codec: 0,
        }
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.items.to_be_bytes());
        let kind = match self.kind {
            StreamKind::Free => 0,
            StreamKind::Bound => 1,
            StreamKind::Result => 2,
        };
        out.extend_from_slice(&[self.sends.into(), kind]);
    }

    fn decode(bytes: &[u8]) -> Self {
        let (number, bytes) = bytes.split_first_chunk().expect("a number");
        let (items, bytes) = bytes.split_first_chunk().expect("a count");
        let kind = [StreamKind::Free, StreamKind::Bound, StreamKind::Result][usize::from(bytes[1])];
        Self {
            number: u64::from_be_bytes(*number),
            items: u16::from_be_bytes(*items),
            sends: bytes[0] == 1,
            kind,
        }
    }

    /// The item at `index`, about `length` bytes long.
    pub(crate) fn item(self, index: u64, length: usize) -> Vec<u8> {
        let mut out = self.number.to_be_bytes().to_vec();
        out.extend_from_slice(&index.to_be_bytes());
        out.resize(length.max(out.len()), b'.');
        out
    }

    /// Whether `item` is the item at `index`.
    pub(crate) fn is_item(self, index: u64, item: &[u8]) -> bool {
        item.starts_with(&self.item(index, 0))
    }
}

impl Ticket {
    /// Parameters of about `length` bytes.
    pub(crate) fn encode(self, length: usize) -> Vec<u8> {
        let mut out = self.number.to_be_bytes().to_vec();
        out.extend_from_slice(&self.answer.to_be_bytes());
        let streams: Vec<_> = self.streams.iter().chain([&self.back]).flatten().collect();
        let back = u8::from(self.back.is_some());
        let count = u8::try_from(streams.len()).expect("few") - back;
        out.extend_from_slice(&[self.depth, self.waits.into(), count, back]);
        for stream in streams {
            stream.encode(&mut out);
        }
        out.resize(length.max(TICKET).max(out.len()), b'.');
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (number, bytes) = bytes.split_first_chunk().expect("a number");
        let (answer, bytes) = bytes.split_first_chunk().expect("a length");
        Self {
            number: u64::from_be_bytes(*number),
            answer: u16::from_be_bytes(*answer),
            depth: bytes[0],
            waits: bytes[1] == 1,
            streams: std::array::from_fn(|at| {
                (at < usize::from(bytes[2]))
                    .then(|| StreamTicket::decode(&bytes[4 + STREAM * at..]))
            }),
            back: (bytes[3] == 1)
                .then(|| StreamTicket::decode(&bytes[4 + STREAM * usize::from(bytes[2])..])),
        }
    }

    /// Whether the call or its response opens streams.
    pub(crate) fn has_streams(&self) -> bool {
        self.back.is_some() || self.streams.iter().any(Option::is_some)
    }

    /// The expected result.
    pub(crate) fn answer(self) -> Bytes {
        let number = self.number.to_be_bytes();
        let bytes = number.into_iter().cycle().take(self.answer.into());
        bytes.collect()
    }
}
