use std::time::Duration;

use bytes::Bytes;

use super::{Event, Fatal, HelloState, Refused, Session};
use crate::packet::{ErrorData, ExtensionFlags, GoingAway, PacketType};

/// How far a side is in leaving the connection (PROTOCOL.md, "Going away").
///
/// A side that has said that it goes away makes no new calls, apart from those of its running handlers, and goes on
/// accepting calls. Once both sides have said so, no call is on its way unless a handler is running at one of the
/// sides, and the channel can be closed without losing any.
#[derive(Debug, Default)]
pub(super) struct Departure {
    stage: DepartureStage,
    /// The other side has said that it goes away.
    heard: bool,
    /// This side shuts down.
    draining: bool,
    /// The time that running calls have, to be told to the other side.
    grace: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum DepartureStage {
    /// This side has not said that it goes away.
    #[default]
    Unsaid,
    /// This side shuts down, and has not been able to tell the other side.
    Refusing,
    /// This side has said that it goes away.
    Said,
    /// This side has said so, and no longer waits for the other side to agree.
    GaveUp,
}

impl Departure {
    #[inline]
    pub(super) fn refuses_requests(&self) -> bool {
        matches!(
            self.stage,
            DepartureStage::Refusing | DepartureStage::GaveUp
        )
    }

    #[inline]
    pub(super) fn is_said(&self) -> bool {
        matches!(self.stage, DepartureStage::Said | DepartureStage::GaveUp)
    }

    fn refuse_requests(&mut self) {
        if self.stage == DepartureStage::Unsaid {
            self.stage = DepartureStage::Refusing;
        }
    }
}

/// The end of a connection without loss.
impl Session {
    /// Shuts this side down. Tells the other side, which has `grace` to finish its calls, and goes on accepting its
    /// requests until it agrees. If the other side is not known to accept GOING AWAY, requests are refused with *shutting
    /// down* instead, until [`leave`](Self::leave) finds that it does.
    pub fn drain(&mut self, grace: Option<Duration>) {
        if !self.departure.draining {
            self.departure.draining = true;
            self.departure.grace = grace;
        }
        self.leave();
        self.departure.refuse_requests();
    }

    /// Refuses requests with *shutting down* from now on, without telling the other side. For a side that serves
    /// nothing and waits for nothing.
    pub fn refuse_requests(&mut self) {
        self.departure.draining = true;
        self.departure.refuse_requests();
    }

    /// Says GOING AWAY, if this side shuts down or the other side has said it, and if the other side accepts it. From now
    /// on [`Refused::GoingAway`] is the answer to every new call and packet, unless a call of the other side is pending.
    /// Must be called after [`Event::Hello`] and [`Event::GoingAway`], when the calls that have been submitted
    /// elsewhere are in the session.
    pub fn leave(&mut self) {
        if !self.may_leave() {
            return;
        }
        let packet = GoingAway {
            grace: self.departure.grace,
            reason: ErrorData::default(),
        };
        // Behind the calls that wait for room.
        let mut payload = packet.encode().into();
        if self
            .send_packet(PacketType::GOING_AWAY, &mut payload)
            .is_ok()
        {
            self.departure.stage = DepartureStage::Said;
            // One-way calls no longer wait for ids, and nothing else may move them if everything has been written.
            self.flush_backlog();
        }
    }

    /// Returns `true` if [`leave`](Self::leave) would say GOING AWAY.
    pub fn may_leave(&self) -> bool {
        let departure = &self.departure;
        !departure.is_said()
            && (departure.draining || departure.heard)
            && self.own_extensions().contains(ExtensionFlags::GOING_AWAY)
            && matches!(
                self.hello_exchange.state(),
                HelloState::Known(Some(theirs)) if theirs.extensions.contains(ExtensionFlags::GOING_AWAY)
            )
    }

    pub(super) fn handle_going_away(&mut self, payload: Bytes) -> Result<Option<Event>, Fatal> {
        let packet = GoingAway::decode(payload)?;
        if self.departure.heard {
            return Ok(None);
        }
        self.departure.heard = true;
        if !self.departure.draining {
            self.departure.grace = packet.grace;
        }
        Ok(Some(Event::GoingAway(Box::new(packet))))
    }

    /// Returns `true` if this side shuts down.
    pub fn is_draining(&self) -> bool {
        self.departure.draining
    }

    /// Returns `true` if this side has said that it goes away.
    pub fn has_said_going_away(&self) -> bool {
        self.departure.is_said()
    }

    /// Returns `true` if the other side has said that it goes away.
    pub fn has_heard_going_away(&self) -> bool {
        self.departure.heard
    }

    /// Stops waiting for the other side, which has not agreed in time or does not answer. Requests are refused.
    pub fn give_up_going_away(&mut self) {
        if self.departure.is_said() {
            self.departure.stage = DepartureStage::GaveUp;
        }
    }

    /// Returns `true` if this side may stop sending: its handlers have answered and, if it has said that it goes away,
    /// the other side has agreed and nothing is pending in either direction.
    ///
    /// The other side agrees behind its last call that was not made by a handler. Its handlers run calls of this side,
    /// and what they call comes before what they answer. So if this side waits for no answer, it has received
    /// every call.
    pub fn may_close(&self) -> bool {
        self.is_served()
            && (self.departure.stage != DepartureStage::Said
                || (self.departure.heard && self.unanswered() == 0 && self.backlog.is_empty()))
    }

    /// Checks that a new call or packet may be sent.
    pub(super) fn check_departure(&self) -> Result<(), Refused> {
        if self.may_call() {
            Ok(())
        } else {
            Err(Refused::GoingAway)
        }
    }

    /// Returns `true` if new calls may be made: this side has not said that it goes away, or has a call of the other
    /// side to answer.
    pub fn may_call(&self) -> bool {
        !self.departure.is_said() || self.inbound.pending() > 0
    }

    /// Returns `true` if responses leave behind the calls that are queued now: the other side may close the channel
    /// when it has all responses.
    pub(super) fn responses_wait_for_calls(&self) -> bool {
        self.departure.is_said() && !self.backlog.has_no_queued_sends()
    }
}
