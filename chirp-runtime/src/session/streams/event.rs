use super::StreamKey;
use crate::packet::{ErrorData, Items};
use crate::session::{InboundCallId, LimitOwner, OutboundCallId, Refused};

/// A stream as seen from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Whether this side sends the items, rather than receiving them.
    pub sends: bool,
    /// The lifetime of the stream.
    pub kind: StreamKind,
    /// The number of the items' codec (PROTOCOL.md, "Codec numbers"). Numbers that do not exist are refused
    /// as unsupported.
    pub codec: u8,
}

impl StreamSpec {
    /// A free stream that this side sends.
    pub fn sending(codec: u8) -> Self {
        Self {
            sends: true,
            kind: StreamKind::Free,
            codec,
        }
    }

    /// A free stream that this side receives.
    pub fn receiving(codec: u8) -> Self {
        Self {
            sends: false,
            kind: StreamKind::Free,
            codec,
        }
    }

    /// The stream that a call returns as its result.
    pub fn result(codec: u8) -> Self {
        Self {
            sends: false,
            kind: StreamKind::Result,
            codec,
        }
    }

    /// Binds the stream to the call that opens it.
    #[must_use]
    pub fn bound(mut self) -> Self {
        self.kind = StreamKind::Bound;
        self
    }

    /// Makes the stream free.
    pub(super) fn freed(mut self) -> Self {
        self.kind = StreamKind::Free;
        self
    }
}

/// How long a stream may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// As long as both halves exist.
    Free,
    /// Until the call that opened it ends.
    Bound,
    /// Until the call whose result it is ends. Its items go to the caller.
    Result,
}

/// The value that streams came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamCarrier {
    /// The request of a call of the other side.
    Run(InboundCallId),
    /// The response to a call of this side.
    Answer(OutboundCallId),
    /// An item of a stream, with its index, counted from 0.
    Item(StreamKey, u64),
}

/// A stream that the other side opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedStream {
    /// The stream's key.
    pub key: StreamKey,
    /// The stream's direction, lifetime and codec.
    pub spec: StreamSpec,
    /// Whether the stream has been refused as *busy*, since there were too many. The key names no stream
    /// then.
    pub refused: bool,
}

/// A change in the state of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The other side opened streams with a value, in the order in which the value names them. Free streams
    /// and arguments must be claimed with [`Session::claim_streams`](crate::session::Session::claim_streams)
    /// when the value has been decoded. Unclaimed streams are refused.
    Opened(StreamCarrier, Vec<OpenedStream>),
    /// The other side has started a stream that has no item yet. Occurs at most once, and never after an
    /// item.
    Begun(StreamKey),
    /// Items have come. They are held until [`Session::consumed`](crate::session::Session::consumed).
    Items(StreamKey, Items),
    /// Items may be sent again, after the stream was full.
    Ready(StreamKey),
    /// The stream was ended by the other side or by its call. No event follows. Received items are held until
    /// they are consumed or the receiver is dropped.
    Ended(StreamKey, Ending),
    /// A call that was queued was not made, since the other side lacks an extension that the call needs. It has no
    /// response, and its key is no longer valid.
    Unsupported(OutboundCallId, Refused),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All items have come. Every other ending is a failure.
    Finished,
    /// The other side finished the stream, but items are missing.
    Incomplete {
        /// The number of items received.
        received: u64,
        /// The number of items sent.
        sent: u64,
    },
    /// The other side reported an error.
    Failed(ErrorData),
    /// The other side's half was dropped, or the call that the stream is bound to was cancelled.
    Cancelled,
    /// The other side refused the stream, or the stream was never opened.
    Refused(ErrorData),
    /// The call that the stream is bound to was answered before the stream ended. The response gives the
    /// reason.
    Answered,
    /// The channel has ended.
    Closed,
}

/// Why an item was not sent. The caller still has the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// There is no credit, or too many items are queued. [`StreamEvent::Ready`] tells when to retry.
    Full,
    /// The stream has ended.
    Closed,
    /// The item, or the packet that opens its streams, exceeds a payload limit or uses an unsupported codec.
    TooLarge {
        /// The longest item that may be sent, in bytes.
        limit: u64,
        /// The side that has this limit.
        whose: LimitOwner,
    },
    /// The item carries too many streams.
    TooManyStreams {
        /// The limit on streams that are open at once.
        limit: usize,
    },
    /// The item carries more streams than one packet can open, or than the limit allows in total.
    TooManyInPacket {
        /// The most streams that a packet may open.
        limit: usize,
    },
}
