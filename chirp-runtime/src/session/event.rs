use std::fmt;

use bytes::Bytes;

use super::{InboundCallId, OutboundCallId};
use crate::packet::{
    FrameworkError, Header, PacketError, PacketType, RequestPacket, ResponsePacket, ResultCode,
};

/// What follows from something that came in.
#[derive(Debug)]
pub enum Event {
    /// The other side called a method. The call runs until [`finish`](super::Session::finish).
    Request(InboundCallId, RequestPacket),
    /// The answer of this call has been given; its handler is to be interrupted.
    Interrupt(InboundCallId),
    /// The answer of a call that this side made. Its id is out of use until
    /// [`release`](super::Session::release).
    Answered(OutboundCallId, CallOutcome),
    /// A packet of one of the application's types. It counts as held until
    /// [`finish_packet`](super::Session::finish_packet).
    Packet(PacketType, Bytes),
    /// It is known now which extensions the other side accepts.
    Hello,
}

/// How a call that this side made went.
#[derive(Debug)]
pub enum CallOutcome {
    /// It was answered.
    Response(ResponsePacket),
    /// It was answered with more than this side accepts.
    TooLarge {
        /// This side's payload limit, in bytes.
        limit: u64,
    },
}

impl CallOutcome {
    /// Whether the call has a result.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Response(response) if response.code == ResultCode::Success)
    }

    /// Whether the other side has refused the call because it takes on no more, on this connection.
    #[cold]
    pub fn is_shutting_down(&self) -> bool {
        match self {
            Self::Response(ResponsePacket { code, data, .. }) => {
                *code == ResultCode::ServiceError
                    && FrameworkError::code_in(data) == Some(FrameworkError::ShuttingDown.code())
            }
            Self::TooLarge { .. } => false,
        }
    }
}

/// The side of a connection whose limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitOwner {
    /// This side.
    ThisSide,
    /// The other side, which has told its limit.
    OtherSide,
}

impl fmt::Display for LimitOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisSide => "our",
            Self::OtherSide => "the other side's",
        })
    }
}

/// Why a call could not be made. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its packet would be over a payload limit.
    TooLarge {
        /// That limit, in bytes.
        limit: u64,
        /// The side that has this limit.
        whose: LimitOwner,
    },
    /// As many calls are pending as this side allows.
    TooManyPending {
        /// That limit.
        limit: usize,
    },
    /// It would open more streams than there may be.
    TooManyStreams {
        /// How many there may be at once.
        limit: usize,
    },
    /// It would open more streams than one packet can, or than there may be if there are no others.
    TooManyInPacket {
        /// How many that is.
        limit: usize,
    },
    /// It needs streams, and one of the two sides does not know them.
    Unsupported,
}

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// The other side sent bytes that are not Chirp v0.
    Packet(PacketError),
    /// A packet of one of the application's types is over this side's payload limit. Going on without it
    /// would lose it without a word.
    TooLarge {
        /// Its header.
        header: Header,
        /// This side's limit, in bytes.
        limit: u64,
    },
    /// Packets of the application's types come faster than they are handled, and this side could not
    /// stop reading.
    Flooded {
        /// How many bytes of them are held.
        held: usize,
    },
    /// The other side left too many cancelled calls without an answer.
    Unresponsive {
        /// How many.
        abandoned: usize,
    },
    /// The other side goes on asking and does not read what it is answered.
    NotReading {
        /// How many bytes wait to be written.
        unsent: usize,
    },
}

impl From<PacketError> for Fatal {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}
