use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use shuttle::sync::atomic::Ordering;

use super::effects::{Action, Effects};
use super::reader::{Recoveries, TakenReader};
use super::sending::Sending;
use super::state::ConnectionState;
use super::state_guard::{StateGuard, StateView};
use super::write_end::WriteEnd;
use super::writer::{Sink, WriteState};
use crate::channel::{Wire, WireWriter};
use crate::packet::Payload;
use crate::peer::ConnectionError;
use crate::peer::client::submit_queue::SubmitQueue;
use crate::peer::monitoring::budget::{Budget, Notifications};
use crate::peer::server::handler_stays::HandlerStays;
use crate::peer::server::reader_in_place::ReaderInPlace;
use crate::session::InboundCallId;
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard};

/// The part of a connection that the sources use.
pub(in crate::peer) struct ConnectionCore {
    pub(in crate::peer) this: Weak<Self>,
    state: Mutex<ConnectionState>,
    pub(in crate::peer) submit_queue: SubmitQueue,
    pub(in crate::peer) sink: Mutex<Sink>,
    pub(super) write_end: WriteEnd,
    pub(in crate::peer) in_place: ReaderInPlace,
    pub(in crate::peer) stays: HandlerStays,
    pub(in crate::peer) bytes_written: AtomicU64,
    pub(in crate::peer) writer: OnceLock<Waker>,
    pub(in crate::peer) budget: Option<Arc<Budget>>,
    pub(in crate::peer) signal: Notifications,
    pub(in crate::peer) interrupts: Notifications,
    pub(in crate::peer) refusing: AtomicBool,
    has_ended: AtomicBool,
    pub(in crate::peer) taken_reader: TakenReader,
    pub(in crate::peer) recoveries: Recoveries,
    handler: OnceLock<Handler>,
}

type Handler = Box<dyn Fn(HandlerStep, InboundCallId) + Send + Sync>;

/// A step of a handler.
#[derive(Clone, Copy, Debug)]
pub(in crate::peer) enum HandlerStep {
    /// Its first poll begins, which the dispatcher notes next.
    Start,
    /// The rest of its first poll.
    Run,
}

impl ConnectionCore {
    /// Creates a connection that writes to `wire`.
    pub(in crate::peer) fn new(wire: &Wire) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            state: Mutex::default(),
            submit_queue: SubmitQueue::new(true),
            sink: Mutex::new(Sink::new(Box::new(WireWriter(wire.clone())))),
            write_end: WriteEnd::default(),
            in_place: ReaderInPlace::default(),
            stays: HandlerStays::default(),
            bytes_written: AtomicU64::new(0),
            writer: OnceLock::new(),
            budget: None,
            signal: Notifications::default(),
            interrupts: Notifications::default(),
            refusing: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            taken_reader: TakenReader::default(),
            recoveries: Recoveries::default(),
            handler: OnceLock::new(),
        })
    }

    /// Sets the code of all handlers.
    pub(in crate::peer) fn set_handler(
        &self,
        handler: impl Fn(HandlerStep, InboundCallId) + Send + Sync + 'static,
    ) {
        assert!(self.handler.set(Box::new(handler)).is_ok());
    }

    pub(in crate::peer) fn handle(&self, step: HandlerStep, call: InboundCallId) {
        if let Some(handler) = self.handler.get() {
            handler(step, call);
        }
    }

    pub(in crate::peer) fn lock(&self) -> StateGuard<'_> {
        StateGuard::new(self, self.lock_settled())
    }

    fn lock_settled(&self) -> MutexGuard<'_, ConnectionState> {
        let mut state = self.state.lock();
        if self.write_end.has_ended() {
            self.write_end.close();
            state.settle_write();
        }
        state
    }

    pub(super) fn lock_unreconciled(&self) -> MutexGuard<'_, ConnectionState> {
        self.lock_settled()
    }

    pub(super) fn reconciling<'a>(
        &'a self,
        state: MutexGuard<'a, ConnectionState>,
    ) -> StateGuard<'a> {
        StateGuard::new(self, state)
    }

    pub(in crate::peer) fn lock_reusing<'a>(
        &'a self,
        effects: &'a mut Option<Box<Effects>>,
    ) -> StateGuard<'a> {
        StateGuard::reusing(self, self.lock_settled(), effects)
    }

    pub(in crate::peer) fn look(&self) -> StateView<'_> {
        StateView::new(self.lock_settled())
    }

    pub(in crate::peer) fn reconcile(&self) {
        drop(self.lock());
    }

    pub(in crate::peer) fn wake_reader(&self) {}

    pub(in crate::peer) fn wake_writer(&self) {
        if let Some(waker) = self.writer.get() {
            waker.wake_by_ref();
        }
    }

    pub(in crate::peer) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(in crate::peer) fn reason(&self) -> ConnectionError {
        let end = self.look().end.clone();
        end.expect("it has ended")
    }

    pub(in crate::peer) fn leave(&self) {}

    pub(in crate::peer) fn stop_calls(&self) {}

    pub(in crate::peer) fn fail_sending(&self, reason: ConnectionError) {
        let mut state = self.lock();
        state.write_state = WriteState::Idle;
        // After the end, the session of the runtime no longer cares.
        state.session.batch_written();
        if state.end.is_some() || state.sending.is_over() {
            return;
        }
        state.sending = Sending::Failed(Box::new(reason));
        state.session.give_up_waiting();
    }

    pub(in crate::peer) fn end_with_task(&self) {
        self.end(io::Error::other("a task was dropped").into());
    }

    pub(in crate::peer) fn end(&self, reason: ConnectionError) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        state.end = Some(reason);
        self.has_ended.store(true, Ordering::Release);
        state.effects.add(Action::WakeReader);
        state.effects.add(Action::WakeWriter);
    }
}

pub(in crate::peer) fn recycle(_: Payload) {}
