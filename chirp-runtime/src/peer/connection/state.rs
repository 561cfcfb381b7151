use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::effects::{Action, Effects};
use super::sending::Sending;
use super::writer::WriteState;
use crate::packet::{GoingAway, IncomingPacket, PacketType, Payload, ResultCode};
use crate::peer::client::pending_calls::PendingCalls;
use crate::peer::client::submit_queue::SubmittedCalls;
use crate::peer::monitoring::budget::Budget;
use crate::peer::server::dispatch::Dispatch;
use crate::peer::server::handler_tasks::HandlerTasks;
use crate::peer::server::inbound_call::InboundCall;
use crate::peer::server::packets::PacketQueues;
use crate::peer::server::serving::Serving;
use crate::peer::stream::table::StreamTable;
use crate::peer::{CallError, ConnectionError};
use crate::session::{Event, Fatal, InboundCallId, ReadState, Refused, Session};

/// The state behind a connection's lock: the session, and the tables that belong to it. It is reached through a
/// [`StateGuard`](super::state_guard::StateGuard).
pub(in crate::peer) struct ConnectionState {
    pub(in crate::peer) session: Session,
    pub(in crate::peer) pending_calls: PendingCalls,
    pub(in crate::peer) handler_tasks: HandlerTasks,
    /// Requests that no dispatcher has claimed, in order of arrival.
    pub(in crate::peer) queue: VecDeque<InboundCall>,
    pub(in crate::peer) dispatch: Dispatch,
    /// Why the reader pauses, if it does.
    pub(in crate::peer) paused: Option<ReadState>,
    pub(in crate::peer) write_state: WriteState,
    /// The [`Session::output_mark`] up to which a dispatcher will write by itself.
    pub(super) deferred_output: u64,
    /// The buffers of the last flush of the submit queue, kept for the next.
    pub(in crate::peer) spare_calls: Option<Box<SubmittedCalls>>,
    /// The number of handlers that had been started when the queue was last flushed.
    pub(in crate::peer) handlers_before: u64,
    /// Packets of the application's types that wait for their handlers.
    pub(in crate::peer) packets: PacketQueues,
    /// Packet types whose handler task the reader has to start.
    pub(in crate::peer) packet_tasks: Vec<PacketType>,
    /// The stream halves that this side holds.
    pub(in crate::peer) streams: StreamTable,
    /// The services of this peer. `None` before the tasks start and after the end, so that services are freed.
    pub(in crate::peer) serving: Option<Arc<Serving>>,
    /// Bytes of the shared memory budget that this connection accounts for.
    pub(in crate::peer) held: usize,
    /// A task ages the calls that were cancelled and not answered.
    pub(in crate::peer) abandoned_watched: bool,
    /// The connection ends as soon as no handler runs and everything is written.
    pub(in crate::peer) closing: bool,
    /// Until when the caller of a graceful shutdown waits.
    pub(in crate::peer) shutdown_bound: Option<Instant>,
    pub(in crate::peer) sending: Sending,
    /// The peer's GOING AWAY, until it has been logged.
    pub(in crate::peer) going_away: Option<Box<GoingAway>>,
    /// The peer has closed its end; the reader waits until every received request has been started.
    pub(in crate::peer) input_over: bool,
    pub(in crate::peer) end: Option<ConnectionError>,
    /// Work for after the lock is released. Boxed, so that swapping it with a task's buffer costs little.
    pub(in crate::peer) effects: Box<Effects>,
}

impl ConnectionState {
    pub(in crate::peer) fn new(session: Session) -> Self {
        Self {
            session,
            pending_calls: PendingCalls::default(),
            handler_tasks: HandlerTasks::default(),
            queue: VecDeque::new(),
            dispatch: Dispatch::default(),
            paused: None,
            write_state: WriteState::Idle,
            deferred_output: 0,
            spare_calls: None,
            handlers_before: 0,
            packets: PacketQueues::default(),
            packet_tasks: Vec::new(),
            streams: StreamTable::default(),
            serving: None,
            held: 0,
            abandoned_watched: false,
            closing: false,
            shutdown_bound: None,
            sending: Sending::Open,
            going_away: None,
            input_over: false,
            end: None,
            effects: Box::default(),
        }
    }

    /// Handles a packet of the peer.
    ///
    /// # Errors
    ///
    /// [`Fatal`] when the packet ends the connection.
    pub(in crate::peer) fn handle(&mut self, incoming: IncomingPacket) -> Result<(), Fatal> {
        let event = self.session.handle(incoming)?;
        self.take_event(event);
        Ok(())
    }

    /// As [`handle`](Self::handle), for a small packet, which is a request or response most often.
    ///
    /// # Errors
    ///
    /// As [`handle`](Self::handle).
    pub(in crate::peer) fn handle_small(
        &mut self,
        kind: PacketType,
        payload: Bytes,
    ) -> Result<(), Fatal> {
        let event = self.session.handle_small(kind, payload)?;
        self.take_event(event);
        Ok(())
    }

    #[inline]
    fn take_event(&mut self, event: Option<Event>) {
        // The streams that a packet opens come before the event of the packet itself.
        if self.session.has_stream_events() {
            self.poll_streams();
        }
        match event {
            None => {}
            Some(Event::Request(id, request)) => {
                let time = self.session.time(id);
                let deadline = time.and_then(|time| Instant::now().checked_add(time));
                let info = self.session.take_context(id);
                let streams = self.streams.take_request(id);
                if self.queue.capacity() == 0 {
                    // Most connections are never busy.
                    self.queue.reserve_exact(1);
                }
                self.queue.push_back(InboundCall {
                    id,
                    request,
                    deadline,
                    info,
                    streams,
                });
            }
            Some(Event::Interrupt(id)) => {
                self.effects.aborts.extend(self.handler_tasks.take(id));
                self.forget_claimed(id);
                self.effects.add(Action::Interrupt);
            }
            Some(Event::Answered(call, outcome)) => {
                if !outcome.is_success() {
                    self.effects
                        .add_if(outcome.is_shutting_down(), Action::Refusing);
                }
                let slot = self.pending_calls.take(call);
                let streams = self.streams.take_answer(call).filter(|_| slot.is_some());
                if streams.is_none() {
                    // The outcome is kept apart from the session, so the id may be used again.
                    self.session.release(call);
                }
                // A one-way call has no slot.
                if let Some(slot) = slot {
                    if self.effects.answers.capacity() == 0 {
                        self.effects.answers.reserve_exact(1);
                    }
                    let streams = streams.map(|unbound| Box::new((call, unbound)));
                    self.effects.answers.push((slot, outcome, streams));
                }
            }
            Some(Event::Packet(kind, payload)) => {
                self.packet_tasks
                    .extend(self.packets.push(kind, payload).then_some(kind));
            }
            Some(Event::Hello) => {
                self.effects.add(Action::Signal);
                self.effects.add_if(self.session.may_leave(), Action::Leave);
            }
            Some(Event::GoingAway(packet)) => {
                self.going_away = Some(packet);
                self.effects.add(Action::Refusing);
                self.effects.add(Action::Leave);
            }
        }
    }

    /// Responds to a call and ends it.
    pub(in crate::peer) fn complete(
        &mut self,
        id: InboundCallId,
        code: ResultCode,
        data: &mut Payload,
    ) {
        if self.end.is_none() {
            self.session.respond(id, code, data);
        }
        self.finish(id);
    }

    /// Ends a call without a response.
    pub(in crate::peer) fn finish(&mut self, id: InboundCallId) {
        self.session.finish(id);
        self.effects.aborts.extend(self.handler_tasks.take(id));
    }

    /// Derives what follows from a step, whichever it was: a paused reader resumes, the dispatcher and the writer are
    /// woken, a closing connection ends. Reconciling twice is harmless.
    #[inline]
    pub(in crate::peer) fn reconcile(&mut self, budget: Option<&Budget>) {
        if budget.is_some() || !self.is_reconciled() {
            self.reconcile_all(budget);
        }
        if self.dispatch.idle && !self.queue.is_empty() {
            self.wake_dispatcher();
        }
        self.schedule_writer();
    }

    /// Wakes an idle dispatcher, unless there is no room for responses.
    #[inline(never)]
    fn wake_dispatcher(&mut self) {
        if !self.session.lacks_room_for_answers() {
            let waker = self.dispatch.wake_if_idle();
            self.wake_or_spawn_dispatcher(waker);
        }
    }

    /// Returns `true` if nothing follows from a batch having been written: there is no more output, and nothing waits
    /// for room.
    #[inline]
    pub(super) fn needs_nothing(&self) -> bool {
        self.is_reconciled()
            && self.end.is_none()
            && matches!(self.sending, Sending::Open)
            && (self.queue.is_empty() || !self.dispatch.idle)
            && self.session.nothing_waits()
            && !self.session.has_output()
    }

    /// Returns `true` if nothing but the dispatcher and the writer can need attention, which is the case after most
    /// steps.
    fn is_reconciled(&self) -> bool {
        let waits = self.paused.is_some()
            | self.closing
            | self.input_over
            | self.session.has_admitted()
            | self.session.has_leftovers();
        !waits && !self.session.has_stream_events() && !self.streams.has_orphans()
    }

    /// Outlined, so that [`reconcile`](Self::reconcile) needs few registers.
    #[inline(never)]
    fn reconcile_all(&mut self, budget: Option<&Budget>) {
        if let Some(budget) = budget {
            let held = if self.end.is_none() {
                self.session.held()
            } else {
                0
            };
            let freed = budget.change(mem::replace(&mut self.held, held), held);
            self.effects.add_if(freed, Action::Freed);
            self.session.set_memory_pressure(budget.is_exceeded());
        }
        // Each of the two may lead to more of the other.
        while self.streams.has_orphans() || self.session.has_stream_events() {
            self.release_orphans();
            self.poll_streams();
        }
        if self.session.has_leftovers() {
            let mut leftovers = self.session.take_leftovers();
            self.effects.rare().leftovers.append(&mut leftovers);
        }
        if self.session.has_admitted() {
            let admitted = self.session.take_admitted().into_iter();
            let woken = admitted.filter_map(|ticket| self.pending_calls.stop_waiting(ticket));
            self.effects.wakes.extend(woken);
        }
        // Also when the reason has changed: each reason has a time limit of its own.
        if self
            .paused
            .is_some_and(|paused| paused != self.session.reading())
        {
            self.paused = None;
            self.effects.add(Action::WakeReader);
        }
        if self.end.is_some() {
            return;
        }
        if self.closing
            && self.sending.is_open()
            && self.session.may_close()
            && self.packets.is_idle()
        {
            self.sending = Sending::Closing { batches: 0 };
            self.effects.add(Action::StopCalls);
        }
        let is_over = self.input_over && self.has_begun_all();
        self.effects.add_if(is_over, Action::WakeReader);
    }

    /// Returns the reason why no call may be made and no packet sent, if there is one.
    #[inline]
    pub(in crate::peer) fn refusal(&self) -> Option<ConnectionError> {
        if self.end.is_none() && matches!(self.sending, Sending::Open) {
            return None;
        }
        self.end.clone().or_else(|| self.sending.refusal())
    }

    /// Checks that a call may be made. `is_callback` tells whether a handler makes the call through the caller in its
    /// context.
    ///
    /// # Errors
    ///
    /// [`CallError::ConnectionLost`] if nothing is sent any more, and [`CallError::Rejected`] with *shutting down* if the
    /// peer is going away.
    #[inline]
    pub(in crate::peer) fn check_call(&self, is_callback: bool) -> Result<(), CallError> {
        if self.end.is_none() && matches!(self.sending, Sending::Open) {
            return Ok(());
        }
        self.check_late_call(is_callback)
    }

    #[cold]
    fn check_late_call(&self, is_callback: bool) -> Result<(), CallError> {
        if let Some(reason) = self.refusal() {
            return Err(CallError::ConnectionLost(reason));
        }
        let may_call = self.session.may_call();
        if self.session.is_draining() {
            if !may_call {
                return Err(CallError::ConnectionLost(ConnectionError::ClosedHere));
            }
        } else if !may_call || !is_callback {
            return Err(Refused::GoingAway.into());
        }
        Ok(())
    }

    /// Returns `true` if every received request and packet has been handed to its handler.
    pub(in crate::peer) fn has_begun_all(&self) -> bool {
        self.queue.is_empty() && self.dispatch.idle && self.packets.is_idle()
    }
}
