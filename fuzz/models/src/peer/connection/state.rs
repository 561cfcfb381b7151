use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::peer::ConnectionError;
use crate::peer::client::pending_call::PendingCall;
use crate::peer::client::submit_queue::SubmittedCalls;
use crate::peer::connection::effects::Effects;
use crate::peer::connection::sending::Sending;
use crate::peer::connection::writer::WriteState;
use crate::peer::monitoring::budget::Budget;
use crate::peer::server::dispatch::Dispatch;
use crate::peer::server::inbound_call::InboundCall;
use crate::peer::server::serving::Serving;
use crate::session::{InboundCallId, OutboundCallId, Session};

/// The part of a connection's state that the sources use.
pub(in crate::peer) struct ConnectionState {
    pub(in crate::peer) session: Session,
    pub(in crate::peer) pending_calls: Waiters,
    pub(in crate::peer) handler_tasks: HandlerTasks,
    pub(in crate::peer) queue: VecDeque<InboundCall>,
    pub(in crate::peer) dispatch: Dispatch,
    pub(in crate::peer) write_state: WriteState,
    pub(super) deferred_output: u64,
    pub(in crate::peer) spare_calls: Option<Box<SubmittedCalls>>,
    pub(in crate::peer) handlers_before: u64,
    pub(in crate::peer) serving: Option<Arc<Serving>>,
    pub(in crate::peer) sending: Sending,
    pub(in crate::peer) end: Option<ConnectionError>,
    pub(in crate::peer) effects: Box<Effects>,
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self {
            session: Session::default(),
            pending_calls: Waiters::default(),
            handler_tasks: HandlerTasks,
            queue: VecDeque::new(),
            dispatch: Dispatch::default(),
            write_state: WriteState::Idle,
            deferred_output: 0,
            spare_calls: None,
            handlers_before: 0,
            serving: Some(Arc::new(Serving)),
            sending: Sending::Open,
            end: None,
            effects: Box::default(),
        }
    }
}

impl ConnectionState {
    /// The rules for the dispatcher and the writer.
    pub(in crate::peer) fn reconcile(&mut self, _: Option<&Budget>) {
        if self.dispatch.idle && !self.queue.is_empty() {
            let waker = self.dispatch.wake_if_idle();
            self.wake_or_spawn_dispatcher(waker);
        }
        self.schedule_writer();
    }

    pub(super) fn needs_nothing(&self) -> bool {
        self.end.is_none()
            && matches!(self.sending, Sending::Open)
            && (self.queue.is_empty() || !self.dispatch.idle)
            && !self.session.has_output()
    }

    pub(in crate::peer) fn finish(&mut self, id: InboundCallId) {
        self.session.finish(id);
    }
}

/// The slots of calls that the session has.
#[derive(Default)]
pub(in crate::peer) struct Waiters(pub(in crate::peer) Vec<(OutboundCallId, Arc<PendingCall>)>);

impl Waiters {
    pub(in crate::peer) fn wait(&mut self, call: OutboundCallId, slot: Arc<PendingCall>) {
        self.0.push((call, slot));
    }
}

/// No handler gets a task.
pub(in crate::peer) struct HandlerTasks;

impl HandlerTasks {
    pub(in crate::peer) fn put(&mut self, _: InboundCallId, _: AbortHandle) {}
}
