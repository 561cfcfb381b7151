use bytes::Bytes;
use chirp_runtime::packet::{ErrorData, PacketType, ResultCode};
use chirp_runtime::session::{InboundCallId, OutboundCallId, Refused};

use super::load::{Load, StreamTicket, Ticket};
use super::rng::Rng;
use super::side::{NESTED, Pending, Running, Side};

const METHOD: Bytes = Bytes::from_static(b"m");

/// A packet type of the application.
const CUSTOM: PacketType = PacketType(40_000);

/// The programs on both sides: their callers and their handlers.
impl Side {
    /// Makes a call with this number, or sends an application packet.
    pub(crate) fn call(&mut self, rng: &mut Rng, load: &Load, number: u64) -> bool {
        if self.to_call == 0 {
            return false;
        }
        if rng.percent(load.packets) {
            // The other side must read packets that it does not handle.
            let payload = vec![b'.'; rng.between(0, load.longest)];
            let sent = self.session.send_packet(CUSTOM, &mut payload.into());
            if sent == Err(Refused::GoingAway) {
                self.to_call = 0;
                return true;
            }
            assert!(sent.is_ok(), "it is not too large");
            self.to_call -= 1;
            return true;
        }
        let one_way = rng.percent(load.one_way);
        let waits = !one_way && rng.percent(load.waiting);
        let nested = rng.percent(load.nested) && !waits;
        let ticket = Ticket {
            number,
            answer: u16::try_from(rng.between(0, load.longest)).expect("it is short"),
            depth: if nested {
                1 + u8::try_from(rng.below(3)).expect("few")
            } else {
                0
            },
            waits,
            streams: [(); 2].map(|()| self.stream(rng, load, number)),
            back: self.stream(rng, load, number).map(StreamTicket::freed),
        };
        let length = rng.between(0, load.longest_params);
        let made = if one_way
            && load.unanswered
            && !ticket.has_streams()
            && ticket.number.is_multiple_of(2)
        {
            self.notify(ticket, length)
        } else {
            self.send(ticket, length, one_way).map(drop)
        };
        if made == Err(Refused::GoingAway) {
            // The callers go elsewhere.
            self.to_call = 0;
            return true;
        }
        self.to_call -= usize::from(made.is_ok());
        made.is_ok()
    }

    /// Makes a one-way call. Its answer is ignored.
    fn notify(&mut self, ticket: Ticket, length: usize) -> Result<(), Refused> {
        let mut params = ticket.encode(length).into();
        self.session.call_one_way(&METHOD, &mut params)?;
        self.one_way += 1;
        Ok(())
    }

    fn stream(&mut self, rng: &mut Rng, load: &Load, number: u64) -> Option<StreamTicket> {
        self.opened += 1;
        let number = number * 1000 + self.opened % 1000;
        (rng.percent(load.streams) && self.limits.max_streams > 0)
            .then(|| StreamTicket::new(rng, load, number))
    }

    fn send(
        &mut self,
        ticket: Ticket,
        length: usize,
        one_way: bool,
    ) -> Result<OutboundCallId, Refused> {
        let mut params = ticket.encode(length).into();
        let tickets: Vec<_> = ticket.streams.into_iter().flatten().collect();
        let specs: Vec<_> = tickets.iter().map(|ticket| ticket.spec()).collect();
        let (key, keys) = self.session.call_with(&METHOD, &mut params, None, &specs)?;
        for (ticket, key) in tickets.into_iter().zip(keys) {
            self.hold_half(ticket, key, ticket.sends);
        }
        self.calls.push(Pending {
            key,
            ticket,
            one_way,
        });
        Ok(key)
    }

    /// Cancels a call: any call, or one that would not be answered otherwise.
    pub(crate) fn drop_call(&mut self, rng: &mut Rng, any: bool) -> bool {
        let may_go = |call: &Pending| any || call.ticket.waits;
        let candidates = self.calls.iter().filter(|call| may_go(call)).count();
        if candidates == 0 {
            return false;
        }
        let which = rng.below(candidates);
        let at = self.calls.iter().enumerate();
        let (at, _) = at
            .filter(|(_, call)| may_go(call))
            .nth(which)
            .expect("it is there");
        // A nested call is cancelled only with its handler.
        let key = self.calls[at].key;
        if self
            .handlers
            .iter()
            .any(|handler| handler.nested == Some(key))
        {
            return false;
        }
        self.cancel(at);
        true
    }

    pub(crate) fn cancel(&mut self, at: usize) {
        let call = self.calls.swap_remove(at);
        let cancelled = self.session.cancel(call.key);
        assert_eq!(cancelled, Ok(()), "few are abandoned");
    }

    /// Takes one step of a handler: start, nested call, or response.
    pub(crate) fn handle(&mut self, rng: &mut Rng, load: &Load, number: u64) -> bool {
        let count = self.handlers.len();
        let first = rng.below(count.max(1));
        // The next handler that can make progress.
        (0..count).any(|more| self.handle_one((first + more) % count, rng, load, number))
    }

    fn handle_one(&mut self, at: usize, rng: &mut Rng, load: &Load, number: u64) -> bool {
        let Running {
            run,
            ticket,
            nested,
            result,
            ..
        } = self.handlers[at];
        if !self.session.is_wanted(run) {
            self.interrupt(at, rng);
        } else if let Some(result) = result {
            if result.is_ok() && self.is_sending(run) {
                return false;
            }
            self.respond(run, ticket, result);
            self.finish(at);
        } else if nested.is_some() || ticket.waits || self.session.lacks_room_for_answers() {
            // The last of these begins when there is room for what it answers.
            return false;
        } else if ticket.depth == 0 {
            self.handlers[at].result = Some(Ok(()));
        } else {
            let back = Ticket {
                number,
                depth: ticket.depth - 1,
                streams: [None; 2],
                back: None,
                ..ticket
            };
            match self.send(back, rng.between(0, load.longest_params), false) {
                Ok(call) => self.handlers[at].nested = Some(call),
                Err(refused) => {
                    assert_ne!(
                        refused,
                        Refused::GoingAway,
                        "handlers call until they answer"
                    );
                    self.handlers[at].result = Some(Err(()));
                }
            }
        }
        true
    }

    /// Ends a handler whose call was answered by the session, with the handler's nested call. Some handlers
    /// still respond, which has no effect.
    fn interrupt(&mut self, at: usize, rng: &mut Rng) {
        let handler = &self.handlers[at];
        let (run, ticket) = (handler.run, handler.ticket);
        if let Some(nested) = handler.nested
            && let Some(at) = self.calls.iter().position(|call| call.key == nested)
        {
            self.cancel(at);
        }
        if rng.percent(50) {
            self.respond(run, ticket, Ok(()));
        }
        self.finish(at);
    }

    fn respond(&mut self, run: InboundCallId, ticket: Ticket, result: Result<(), ()>) {
        if result.is_ok() && self.respond_with_stream(run, ticket) {
            return;
        }
        let (code, data) = if result.is_ok() {
            (ResultCode::Success, ticket.answer())
        } else {
            let error = ErrorData::from(NESTED).encode();
            (ResultCode::ServiceError, error.into())
        };
        self.session.respond(run, code, &mut data.into());
    }

    pub(crate) fn finish(&mut self, at: usize) {
        let handler = self.handlers.swap_remove(at);
        self.session.finish(handler.run);
    }
}
