use std::{fmt, mem};

use bytes::Bytes;

use super::{InboundCallId, OutboundCallId};
use crate::packet::{
    FrameworkError, GoingAway, Header, PacketError, PacketType, RequestPacket, ResponsePacket,
    ResultCode,
};

/// The result of handling a packet.
#[derive(Debug)]
pub enum Event {
    /// The other side calls a method. The call runs until [`finish`](super::Session::finish).
    Request(InboundCallId, RequestPacket),
    /// A call has been answered by the session, so that its handler should be interrupted.
    Interrupt(InboundCallId),
    /// The response to a call of this side. The call's id is out of use until
    /// [`release`](super::Session::release).
    Answered(OutboundCallId, CallOutcome),
    /// An application packet. Its bytes count as held until [`finish_packet`](super::Session::finish_packet).
    Packet(PacketType, Bytes),
    /// The other side's extensions are known now.
    Hello,
    /// The other side takes no new calls and will close the connection, or agrees that this side does. Requests go
    /// on arriving, but nothing more should be sent: see [`leave`](super::Session::leave).
    GoingAway(Box<GoingAway>),
}

/// The outcome of a call of this side.
#[derive(Debug)]
pub enum CallOutcome {
    /// The response.
    Response(ResponsePacket),
    /// The response exceeded this side's payload limit and was skipped.
    TooLarge {
        /// This side's payload limit, in bytes.
        limit: u64,
    },
}

impl CallOutcome {
    /// Returns `true` if the call has returned a result.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Response(response) if response.code == ResultCode::Success)
    }

    /// Takes the result, if the call has returned one.
    #[inline]
    pub fn take_value(&mut self) -> Option<Bytes> {
        match self {
            Self::Response(response) if response.code == ResultCode::Success => {
                Some(mem::take(&mut response.data))
            }
            _ => None,
        }
    }

    /// Returns `true` if the other side refused the call because it is shutting down this connection.
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
    /// The other side, which announced its limit.
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

/// Why a call was not made. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The call's packet would exceed a payload limit.
    TooLarge {
        /// The payload limit, in bytes.
        limit: u64,
        /// The side that has this limit.
        whose: LimitOwner,
    },
    /// Too many calls are pending.
    TooManyPending {
        /// The limit on pending calls.
        limit: usize,
    },
    /// The call would open too many streams.
    TooManyStreams {
        /// The limit on streams that are open at once.
        limit: usize,
    },
    /// The call would open more streams than one packet can, or than the limit allows in total.
    TooManyInPacket {
        /// The most streams that a packet may open.
        limit: usize,
    },
    /// The call opens streams, and one of the two sides does not support them.
    Unsupported,
    /// This side has said that it makes no new calls, and no handler of its own is running.
    GoingAway,
    /// The call has required metadata, and one of the two sides does not support it.
    UnsupportedMetadata,
    /// The call has too much metadata.
    MetadataTooLarge {
        /// The length of the metadata, in bytes.
        len: usize,
        /// The limit of this side, in bytes.
        limit: usize,
    },
}

/// Why a session cannot continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// The other side violated the protocol.
    Packet(PacketError),
    /// An application packet exceeds this side's payload limit. Skipping it would lose data unnoticed.
    TooLarge {
        /// The packet's header.
        header: Header,
        /// This side's payload limit, in bytes.
        limit: u64,
    },
    /// Application packets come faster than they are handled, and this side could not pause reading.
    Flooded {
        /// Bytes of application packets and running requests that are held.
        held: usize,
    },
    /// Too many cancelled calls have had no response.
    Unresponsive {
        /// The number of ids that are out of use.
        abandoned: usize,
    },
    /// The other side sends requests without reading the responses.
    NotReading {
        /// Bytes that have not been written.
        unsent: usize,
    },
}

impl From<PacketError> for Fatal {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}
