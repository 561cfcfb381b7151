use super::StreamKey;
use crate::packet::{ErrorData, Items};
use crate::session::{InboundCallId, LimitOwner, OutboundCallId};

/// A stream as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Whether this side sends its items; else it receives them.
    pub sends: bool,
    /// What the stream belongs to.
    pub kind: StreamKind,
    /// The codec of its items, by number (PROTOCOL.md, "Codec numbers"). One that does not exist is refused as
    /// unsupported.
    pub codec: u8,
}

impl StreamSpec {
    /// A stream whose items this side sends.
    pub fn sending(codec: u8) -> Self {
        Self {
            sends: true,
            kind: StreamKind::Free,
            codec,
        }
    }

    /// A stream whose items come to this side.
    pub fn receiving(codec: u8) -> Self {
        Self {
            sends: false,
            kind: StreamKind::Free,
            codec,
        }
    }

    /// The stream that the call gives as its result.
    pub fn result(codec: u8) -> Self {
        Self {
            sends: false,
            kind: StreamKind::Result,
            codec,
        }
    }

    /// The same stream, bound to the call that opens it.
    #[must_use]
    pub fn bound(mut self) -> Self {
        self.kind = StreamKind::Bound;
        self
    }

    /// The same stream, bound to nothing.
    pub(super) fn freed(mut self) -> Self {
        self.kind = StreamKind::Free;
        self
    }
}

/// What a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// To whoever holds its halves.
    Free,
    /// To the call that it was opened with, and ends with it.
    Bound,
    /// To the call whose result it is. Its items go to the caller.
    Result,
}

/// What a stream came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamCarrier {
    /// The request of a call that this side runs.
    Run(InboundCallId),
    /// The answer to a call that this side made.
    Answer(OutboundCallId),
    /// An item of a stream: which one, counted from 0.
    Item(StreamKey, u64),
}

/// A stream that the other side opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedStream {
    /// Its name here.
    pub key: StreamKey,
    /// What it is.
    pub spec: StreamSpec,
    /// There were too many streams, and this one has been refused as *busy*: its key names nothing.
    pub refused: bool,
}

/// What has happened to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The other side opened streams with what follows. Those that are free, and those that are arguments, are
    /// to be claimed by [`Session::claim_streams`](crate::session::Session::claim_streams) when it has been
    /// decoded, and are refused otherwise. In the order in which values name them.
    Opened(StreamCarrier, Vec<OpenedStream>),
    /// Its sending side has begun, and has no item yet. Said at most once, and not after an item.
    Begun(StreamKey),
    /// Items came. Each is held until [`Session::consumed`](crate::session::Session::consumed).
    Items(StreamKey, Items),
    /// An item may be sent again, where one could not be.
    Ready(StreamKey),
    /// The stream has ended, by the other side's doing or by that of its call. Nothing more is told of it. Items that
    /// came are held until they have been consumed, or the receiver is dropped, as before.
    Ended(StreamKey, Ending),
    /// A call could not be made, because the other side does not know streams. Its caller has no answer to wait
    /// for, and the key is nobody's any more.
    Unsupported(OutboundCallId),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All its items have come. Every other ending is a failure.
    Finished,
    /// It is said to be complete, and is not.
    Incomplete {
        /// How many items came.
        received: u64,
        /// How many were sent.
        sent: u64,
    },
    /// It was broken off.
    Failed(ErrorData),
    /// The other side's half was dropped, or the call that the stream was bound to was cancelled.
    Cancelled,
    /// The other side did not take it up, or it was never opened.
    Refused(ErrorData),
    /// The call that it was bound to was answered before the stream's end: the answer says why.
    Answered,
    /// The channel has ended.
    Closed,
}

/// Why an item was not sent. It is still its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// There is no credit, or too much waits to be written. [`StreamEvent::Ready`] says when to try again.
    Full,
    /// The stream is over.
    Closed,
    /// It, or the opening of the streams that it carries, is over a payload limit or cannot be.
    TooLarge {
        /// How long an item may be, in bytes.
        limit: u64,
        /// The side that has this limit.
        whose: LimitOwner,
    },
    /// It carries more streams than there may be.
    TooManyStreams {
        /// How many there may be at once.
        limit: usize,
    },
    /// It carries more streams than one packet can open, or than there may be if there are no others.
    TooManyInPacket {
        /// How many that is.
        limit: usize,
    },
}
