use std::collections::VecDeque;

use chirp_runtime::packet::{ErrorData, ResultCode};
use chirp_runtime::session::{
    Ending, HelloState, InboundCallId, NotSent, OutboundCallId, StreamCarrier, StreamEvent,
    StreamKey, StreamKind,
};

use super::load::{Load, StreamTicket, Ticket};
use super::rng::Rng;
use super::side::Side;

/// The error of a failing stream.
const GAVE_UP: &str = "gave up";

/// The cost of an item in addition to its length.
const ITEM_COST: usize = 16;

/// The limit on all windows together.
const WINDOWS: usize = 32 << 20;

/// A half of a stream that the program holds.
pub(crate) struct Half {
    key: StreamKey,
    ticket: StreamTicket,
    sends: bool,
    /// The index of the next item to send or to receive.
    next: u64,
    /// Whether the last attempt to send failed for want of credit.
    full: bool,
    /// The lengths of received items that have not been consumed.
    lying: VecDeque<usize>,
    ended: bool,
    /// The call that the stream came with, whose handler waits until the stream has been sent.
    run: Option<InboundCallId>,
}

/// What the programs do with streams.
impl Side {
    pub(crate) fn hold_half(&mut self, ticket: StreamTicket, key: StreamKey, sends: bool) {
        self.halves.push(Half {
            key,
            ticket,
            sends,
            next: 0,
            full: false,
            lying: VecDeque::new(),
            ended: false,
            run: None,
        });
    }

    /// Decodes a handler's parameters, and claims all or some of their streams.
    pub(crate) fn take_up(&mut self, run: InboundCallId, ticket: Ticket) {
        let tickets: Vec<_> = ticket.streams.into_iter().flatten().collect();
        let Some((carrier, opened)) = self.arrived.take() else {
            assert!(tickets.is_empty(), "they come with their carrier");
            return;
        };
        assert_eq!(carrier, StreamCarrier::Run(run));
        assert_eq!(opened.len(), tickets.len());
        let mut claimed = Vec::new();
        for (opened, ticket) in opened.into_iter().zip(tickets) {
            assert_eq!(
                (opened.spec.sends, opened.spec.kind),
                (!ticket.sends, ticket.kind)
            );
            // Depends only on the number, so that both sides agree: one stream in eight is not claimed.
            if !opened.refused
                && (ticket.kind == StreamKind::Result || !ticket.number.is_multiple_of(8))
            {
                claimed.push(opened.key);
                self.hold_half(ticket, opened.key, !ticket.sends);
                // Half of the handlers keep sending after their response.
                let half = self.halves.last_mut().expect("it is there");
                half.run = (!ticket.sends && ticket.number.is_multiple_of(2)).then_some(run);
            }
        }
        // One handler in sixteen fails before it decodes its parameters.
        if !ticket.number.is_multiple_of(16) {
            self.session.claim_streams(carrier, &claimed);
        }
    }

    /// Whether a handler still sends a stream.
    pub(crate) fn is_sending(&self, run: InboundCallId) -> bool {
        self.halves.iter().any(|half| half.run == Some(run))
    }

    /// Responds with a stream, if the ticket has one and the limit allows it.
    pub(crate) fn respond_with_stream(&mut self, run: InboundCallId, ticket: Ticket) -> bool {
        let Some(back) = ticket.back else {
            return false;
        };
        let mut spec = back.spec();
        spec.sends = !back.sends;
        let data = &mut ticket.answer().into();
        let responded = self
            .session
            .respond_with(run, ResultCode::Success, data, &[spec]);
        let Ok(keys) = responded else { return false };
        self.hold_half(back, keys[0], spec.sends);
        true
    }

    /// Claims the stream of a response.
    pub(crate) fn take_up_back(&mut self, call: OutboundCallId, ticket: Ticket) {
        let Some((carrier, opened)) = self.arrived.take() else {
            return;
        };
        assert_eq!(carrier, StreamCarrier::Answer(call));
        let (Some(back), [opened]) = (ticket.back, &opened[..]) else {
            panic!("it was asked for one");
        };
        assert_eq!(opened.spec.sends, back.sends);
        if !opened.refused && !back.number.is_multiple_of(8) {
            assert!(self.session.claim_streams(carrier, &[opened.key]));
            self.hold_half(back, opened.key, back.sends);
        }
    }

    /// Asks for the other side's extensions, once a call waits for them.
    pub(crate) fn ask(&mut self, load: &Load, nonce: u64) -> bool {
        let leaves = load.leaves.contains(&true) && !self.asked;
        if self.session.hello() != HelloState::Unknown || !(leaves || self.session.wants_hello()) {
            return false;
        }
        let asked = self.session.ask_hello(nonce);
        if asked.is_err() {
            assert!(!self.session.wants_hello(), "it is never refused");
            return false;
        }
        self.asked = true;
        true
    }

    /// Sends the next item of a stream, or ends the stream.
    pub(crate) fn send_item(&mut self, rng: &mut Rng, load: &Load) -> bool {
        let count = self.halves.len();
        let first = rng.below(count.max(1));
        let mut candidates = (0..count).map(|more| (first + more) % count);
        let found = candidates.find(|at| {
            let half = &self.halves[*at];
            half.sends && !half.full
        });
        let Some(at) = found else { return false };
        let half = &mut self.halves[at];
        if half.next == u64::from(half.ticket.items) {
            let half = self.halves.swap_remove(at);
            self.session.finish_stream(half.key);
            return true;
        }
        let length = rng.between(0, load.longest);
        let mut item = half.ticket.item(half.next, length).into();
        match self.session.send_item(half.key, &mut item) {
            Ok(()) => half.next += 1,
            Err(NotSent::Full) => half.full = true,
            Err(NotSent::Closed) => {
                // No event follows when a side drops its own half.
                self.halves.swap_remove(at);
            }
            Err(other) => panic!("{other:?}"),
        }
        true
    }

    /// Consumes the next item of a stream.
    pub(crate) fn consume(&mut self, rng: &mut Rng) -> bool {
        let count = self.halves.len();
        let first = rng.below(count.max(1));
        let mut candidates = (0..count).map(|more| (first + more) % count);
        let found = candidates.find(|at| !self.halves[*at].lying.is_empty());
        let Some(at) = found else { return false };
        let half = &mut self.halves[at];
        let length = half.lying.pop_front().expect("it is not empty");
        self.session.consumed(half.key, 1, length);
        if half.ended && half.lying.is_empty() {
            self.halves.swap_remove(at);
        }
        true
    }

    /// The program takes the items of streams that have ended: what came before the end is delivered.
    pub(crate) fn take_ended(&mut self) {
        let mut halves = std::mem::take(&mut self.halves);
        for half in halves.extract_if(.., |half| half.ended) {
            assert!(!half.lying.is_empty());
            for length in half.lying {
                self.session.consumed(half.key, 1, length);
            }
        }
        self.halves = halves;
    }

    /// Drops a half or fails it.
    pub(crate) fn drop_half(&mut self, rng: &mut Rng) {
        if self.halves.is_empty() {
            return;
        }
        let half = self.halves.swap_remove(rng.below(self.halves.len()));
        if !half.sends {
            self.session.drop_receiver(half.key);
        } else if rng.percent(50) {
            let error = ErrorData::from(GAVE_UP);
            self.session.fail_stream(half.key, error);
        } else {
            self.session.drop_sender(half.key);
        }
    }

    /// Handles stream events.
    pub(crate) fn poll_streams(&mut self) {
        while let Some(event) = self.session.poll_stream_event() {
            match event {
                StreamEvent::Opened(carrier, opened) => self.arrived = Some((carrier, opened)),
                StreamEvent::Begun(_) => panic!("nobody begins without an item"),
                StreamEvent::Items(key, items) => {
                    // Items of an unclaimed stream may still be on the way.
                    let Some(half) = self.halves.iter_mut().find(|half| half.key == key) else {
                        for item in items {
                            self.session.consumed(key, 1, item.len());
                        }
                        continue;
                    };
                    assert!(!half.ended && !half.sends, "nothing comes after the end");
                    for item in items {
                        assert!(half.ticket.is_item(half.next, &item), "{}", half.next);
                        half.next += 1;
                        half.lying.push_back(item.len());
                    }
                }
                StreamEvent::Ready(key) => {
                    let half = self.halves.iter_mut().find(|half| half.key == key);
                    half.expect("it waits").full = false;
                }
                StreamEvent::Ended(key, ending) => self.ended(key, &ending),
                StreamEvent::Unsupported(..) => panic!("both sides have streams"),
            }
        }
    }

    /// Checks that each half ends once, with a reason.
    fn ended(&mut self, key: StreamKey, ending: &Ending) {
        let Some(at) = self.halves.iter().position(|half| half.key == key) else {
            self.session.drop_receiver(key);
            return;
        };
        let half = &mut self.halves[at];
        assert!(!half.ended);
        half.ended = true;
        match ending {
            Ending::Finished => assert_eq!(half.next, u64::from(half.ticket.items)),
            Ending::Incomplete { .. } => panic!("nothing is lost"),
            Ending::Failed(error) => assert_eq!(error.message, GAVE_UP),
            Ending::Answered => {
                assert_ne!(half.ticket.kind, StreamKind::Free);
                self.cut |= !half.sends;
            }
            Ending::Cancelled | Ending::Refused(_) | Ending::Closed => {}
        }
        if half.sends || *ending == Ending::Closed || half.lying.is_empty() {
            self.halves.swap_remove(at);
        }
    }

    /// Checks that streams hold no more than their limits, and exactly what has not been consumed.
    pub(crate) fn check_streams(&self) {
        let session = &self.session;
        assert!(session.streams() <= self.limits.max_streams);
        assert!(session.stream_windows() <= WINDOWS);
        let lying = self.halves.iter().flat_map(|half| &half.lying);
        let lying: usize = lying.map(|length| length + ITEM_COST).sum();
        assert_eq!(session.stream_bytes_held(), lying);
        let queued = session.streams() * ((64 << 10) + self.limits.max_payload + ITEM_COST);
        assert!(session.stream_bytes_queued() <= queued);
    }

    /// The unsent bytes that streams may add, in the batch being written and in the next one: items, an end
    /// for each stream of either side, and credit for each stream.
    pub(crate) fn streams_unsent(&self, other: &Self) -> usize {
        let streams =
            self.limits.max_streams + other.limits.max_streams + 2 * other.limits.max_pending_calls;
        match self.limits.max_streams {
            0 => 0,
            _ => (64 << 10) + self.limits.max_payload + 2 * streams * 100,
        }
    }

    pub(crate) fn has_no_streams(&self) -> bool {
        let session = &self.session;
        let counts = [
            session.streams(),
            session.stream_bytes_held(),
            session.stream_bytes_queued(),
            session.stream_windows(),
            self.halves.len(),
        ];
        counts == [0; 5]
    }
}
