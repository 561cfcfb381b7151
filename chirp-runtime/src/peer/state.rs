use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::ConnectionError;
use super::calling::pending_call::{AnswerWithStreams, PendingCall};
use super::calling::pending_calls::PendingCalls;
use super::calling::submit_queue::SubmittedCalls;
use super::handling::dispatch::Dispatch;
use super::handling::handler_tasks::HandlerTasks;
use super::handling::packets::PacketQueues;
use super::handling::serving::Serving;
use super::monitoring::budget::Budget;
use super::sending::Sending;
use super::streaming::table::StreamTable;
use super::writer::WriteState;
use crate::packet::{self, IncomingPacket, PacketType, Payload, ResultCode};
use crate::session::{
    Batch, CallOutcome, Event, Fatal, InboundCallId, ReadState, Refused, Session,
};

/// What is behind a connection's lock: the session, and the tables beside it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct ConnectionState {
    pub(super) session: Session,
    pub(super) pending_calls: PendingCalls,
    pub(super) handler_tasks: HandlerTasks,
    /// Requests that no dispatcher has begun, in order of arrival.
    pub(super) queue: VecDeque<(InboundCallId, packet::RequestPacket)>,
    /// When calls must have ended whose callers said so, and which no dispatcher has begun.
    pub(super) deadlines: HashMap<InboundCallId, Instant>,
    pub(super) dispatch: Dispatch,
    /// Why the reader waits, if it does.
    pub(super) paused: Option<ReadState>,
    pub(super) write_state: WriteState,
    /// The writer has been woken and has not looked yet.
    pub(super) writer_called: bool,
    /// The buffer of the last batch, for the next.
    pub(super) spare: Batch,
    /// The buffers of the calls that were taken last, for the next.
    pub(super) spare_calls: SubmittedCalls,
    /// Packets of the application's that wait for their handlers.
    pub(super) packets: PacketQueues,
    /// The halves of streams that this side holds.
    pub(super) streams: StreamTable,
    /// What is served. There is nothing before the tasks start, nor once the session has ended, which
    /// frees what services hold.
    pub(super) serving: Option<Arc<Serving>>,
    /// How many bytes this connection holds of the budget.
    pub(super) held: usize,
    /// Somebody watches over calls that were given up.
    pub(super) abandoned_watched: bool,
    /// End as soon as nothing runs and everything is written.
    pub(super) closing: bool,
    /// Until when the caller of an orderly end waits for it, at the least.
    pub(super) grace: Option<Instant>,
    pub(super) sending: Sending,
    /// The other side sends no more, and the reader waits until what came has begun.
    pub(super) input_over: bool,
    pub(super) end: Option<ConnectionError>,
}

/// What is to happen when the lock is free.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is to happen"
)]
pub(super) struct Effects {
    pub(super) wakes: Vec<Waker>,
    pub(super) aborts: Vec<AbortHandle>,
    /// What came for those who made calls.
    pub(super) answers: Vec<(
        Arc<PendingCall>,
        CallOutcome,
        Option<Box<AnswerWithStreams>>,
    )>,
    /// Calls that may not be made.
    pub(super) refused: Vec<(Arc<PendingCall>, Refused)>,
    pub(super) wake_reader: bool,
    pub(super) wake_writer: bool,
    pub(super) signal: bool,
    pub(super) interrupted: bool,
    pub(super) freed: bool,
    /// The other side takes on no more calls.
    pub(super) refusing: bool,
    /// No more calls are made.
    pub(super) stop_calls: bool,
    pub(super) end: Option<ConnectionError>,
    /// Types whose packets have come and have no task yet.
    pub(super) packet_tasks: Vec<PacketType>,
    /// Answers of handlers, whose buffers are used again,
    pub(super) spent: Vec<Payload>,
    /// and requests whose handlers are not begun.
    pub(super) unwanted: Vec<packet::RequestPacket>,
    /// Dropped, and nothing else.
    pub(super) leftovers: Vec<Bytes>,
}

impl Effects {
    /// Whether nothing is to happen, as after most steps. Tasks for packets are the reader's business.
    pub(super) fn is_nothing(&self) -> bool {
        // By name, so that nothing is forgotten here.
        let Self {
            wakes,
            aborts,
            answers,
            refused,
            wake_reader,
            wake_writer,
            signal,
            interrupted,
            freed,
            refusing,
            stop_calls,
            end,
            packet_tasks: _,
            spent,
            unwanted,
            leftovers,
        } = self;
        let flags = wake_reader
            | wake_writer
            | signal
            | interrupted
            | freed
            | refusing
            | stop_calls
            | end.is_some();
        !flags
            && wakes.is_empty()
            && aborts.is_empty()
            && answers.is_empty()
            && refused.is_empty()
            && spent.is_empty()
            && unwanted.is_empty()
            && leftovers.is_empty()
    }
}

impl ConnectionState {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            pending_calls: PendingCalls::default(),
            handler_tasks: HandlerTasks::default(),
            queue: VecDeque::new(),
            deadlines: HashMap::new(),
            dispatch: Dispatch::default(),
            paused: None,
            write_state: WriteState::Idle,
            writer_called: false,
            spare: Batch::default(),
            spare_calls: SubmittedCalls::default(),
            packets: PacketQueues::default(),
            streams: StreamTable::default(),
            serving: None,
            held: 0,
            abandoned_watched: false,
            closing: false,
            grace: None,
            sending: Sending::Open,
            input_over: false,
            end: None,
        }
    }

    /// Takes what came from the other side.
    pub(super) fn handle(
        &mut self,
        incoming: IncomingPacket,
        effects: &mut Effects,
    ) -> Result<(), Fatal> {
        let event = self.session.handle(incoming)?;
        // What came with a packet is told before what came of it.
        if self.session.has_stream_events() {
            self.poll_streams(effects);
        }
        match event {
            None => {}
            Some(Event::Request(run, request)) => {
                let time = self.session.time(run);
                if let Some(deadline) = time.and_then(|time| Instant::now().checked_add(time)) {
                    self.deadlines.insert(run, deadline);
                }
                if self.queue.capacity() == 0 {
                    // Most connections are never busy.
                    self.queue.reserve_exact(1);
                }
                self.queue.push_back((run, request));
            }
            Some(Event::Interrupt(run)) => {
                effects.aborts.extend(self.handler_tasks.take(run));
                self.forget_taken(run, effects);
                effects.interrupted = true;
            }
            Some(Event::Answered(call, outcome)) => {
                if !outcome.is_success() {
                    effects.refusing |= outcome.is_shutting_down();
                }
                let slot = self.pending_calls.take(call);
                let streams = self.streams.take_answer(call).filter(|_| slot.is_some());
                if streams.is_none() {
                    // The answer has a place of its own, so that the id may be used again.
                    self.session.release(call);
                }
                // Nobody waits for the answer of a one-way call.
                if let Some(slot) = slot {
                    if effects.answers.capacity() == 0 {
                        effects.answers.reserve_exact(1);
                    }
                    let streams = streams.map(|unbound| Box::new((call, unbound)));
                    effects.answers.push((slot, outcome, streams));
                }
            }
            Some(Event::Packet(kind, payload)) => {
                effects
                    .packet_tasks
                    .extend(self.packets.push(kind, payload).then_some(kind));
            }
            Some(Event::Hello) => effects.signal = true,
        }
        Ok(())
    }

    pub(super) fn complete(
        &mut self,
        run: InboundCallId,
        code: ResultCode,
        data: &mut Payload,
        effects: &mut Effects,
    ) {
        if self.end.is_none() {
            self.session.respond(run, code, data);
        }
        self.session.finish(run);
        effects.aborts.extend(self.handler_tasks.take(run));
    }

    /// When a call must have ended, if its caller said so. It is said once.
    pub(super) fn forget_deadline(&mut self, run: InboundCallId) -> Option<Instant> {
        if self.deadlines.is_empty() {
            return None;
        }
        self.deadlines.remove(&run)
    }

    /// What may follow from any step: a paused reader goes on, handlers are begun, a closing session ends.
    pub(super) fn reconcile(&mut self, budget: Option<&Budget>, effects: &mut Effects) {
        // Whoever writes looks again before the turn is free.
        effects.wake_writer = effects.wake_writer
            && self.write_state == WriteState::Idle
            && !mem::replace(&mut self.writer_called, true);
        if budget.is_none() && self.is_reconciled() {
            return;
        }
        self.reconcile_all(budget, effects);
    }

    /// Whether nothing follows from a step, as is the rule.
    pub(super) fn is_reconciled(&self) -> bool {
        let waits = self.paused.is_some()
            | self.closing
            | self.input_over
            | (self.dispatch.idle && !self.queue.is_empty());
        !waits
            && !self.session.has_admitted()
            && !self.session.has_leftovers()
            && !self.session.has_stream_events()
            && !self.streams.has_orphans()
    }

    /// Releases streams that nobody claims, and passes on what has happened to streams, until neither leads to more.
    fn settle_streams(&mut self, effects: &mut Effects) {
        while self.streams.has_orphans() || self.session.has_stream_events() {
            if self.streams.has_orphans() {
                self.release_orphans();
                // The other side is told, or has room again.
                effects.wake_writer |= self.session.has_output()
                    && self.write_state == WriteState::Idle
                    && !mem::replace(&mut self.writer_called, true);
            }
            self.poll_streams(effects);
        }
    }

    fn reconcile_all(&mut self, budget: Option<&Budget>, effects: &mut Effects) {
        if let Some(budget) = budget {
            let held = if self.end.is_none() {
                self.session.held()
            } else {
                0
            };
            effects.freed |= budget.change(mem::replace(&mut self.held, held), held);
            self.session.set_memory_pressure(budget.is_exceeded());
        }
        if self.streams.has_orphans() || self.session.has_stream_events() {
            self.settle_streams(effects);
        }
        if self.session.has_leftovers() {
            effects.leftovers.append(&mut self.session.take_leftovers());
        }
        if self.session.has_admitted() {
            let admitted = self.session.take_admitted().into_iter();
            let woken = admitted.filter_map(|ticket| self.pending_calls.stop_waiting(ticket));
            effects.wakes.extend(woken);
            effects.wake_writer |= self.write_state == WriteState::Idle
                && !mem::replace(&mut self.writer_called, true);
        }
        // Also when the reason is another now: each has a time limit of its own.
        if self
            .paused
            .is_some_and(|paused| paused != self.session.reading())
        {
            self.paused = None;
            effects.wake_reader = true;
        }
        if !self.queue.is_empty() && !self.session.lacks_room_for_answers() {
            effects.wakes.extend(self.dispatch.wake_if_idle());
        }
        if self.end.is_some() {
            return;
        }
        if self.closing && matches!(self.sending, Sending::Open) && self.session.is_served() {
            self.sending = Sending::Closing { batches: 0 };
            effects.stop_calls = true;
        }
        if self.write_state == WriteState::Idle && self.has_sent_all() {
            effects.wake_writer |= !mem::replace(&mut self.writer_called, true);
        }
        effects.wake_reader |= self.input_over && self.has_begun_all();
    }

    /// Why no call may be made and no packet sent, if so.
    #[inline]
    pub(super) fn refusal(&self) -> Option<ConnectionError> {
        if self.end.is_none() && matches!(self.sending, Sending::Open) {
            return None;
        }
        self.end.clone().or_else(|| self.sending.refusal())
    }

    /// Whether everything that came has been handed to its handler.
    pub(super) fn has_begun_all(&self) -> bool {
        self.queue.is_empty() && self.dispatch.idle && self.packets.is_idle()
    }

    /// Whether the writer is to shut down the write half: everything has been written that was there when the end of
    /// sending began. What has come since are refusals, which could go on as long as the other side sends.
    pub(super) fn has_sent_all(&self) -> bool {
        match self.sending {
            Sending::Closing { batches } => {
                self.session.nothing_waits() && (batches > 1 || !self.session.has_output())
            }
            _ => false,
        }
    }
    /// Takes the turn and what is ready, if there is both.
    pub(super) fn take_turn(&mut self) -> Option<Batch> {
        if self.write_state != WriteState::Idle || self.end.is_some() {
            return None;
        }
        let batch = self.take_batch()?;
        self.write_state = WriteState::Writing;
        Some(batch)
    }

    pub(super) fn take_batch(&mut self) -> Option<Batch> {
        match self.session.take_batch(mem::take(&mut self.spare)) {
            Ok(batch) => Some(batch),
            Err(spare) => {
                self.spare = spare;
                None
            }
        }
    }
}
