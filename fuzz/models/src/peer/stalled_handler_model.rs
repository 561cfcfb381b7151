use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use crate::channel::Wire;
use crate::packet::RequestPacket;
use crate::peer::connection::{ConnectionCore, HandlerStep};
use crate::peer::schedules;
use crate::peer::server::inbound_call::InboundCall;
use crate::session::InboundCallId;

const REQUESTS: u32 = 4;

/// The handlers that have been started, in order.
#[derive(Default)]
struct Started {
    calls: Mutex<Vec<u32>>,
    changed: Condvar,
}

impl Started {
    fn note(&self, call: u32) {
        self.calls.lock().unwrap().push(call);
        self.changed.notify_all();
    }

    /// Blocks until the handler of `call` has been started.
    fn wait_for(&self, call: u32) {
        let mut calls = self.calls.lock().unwrap();
        while !calls.contains(&call) {
            calls = self.changed.wait(calls).unwrap();
        }
    }
}

fn receive(connection: &Arc<ConnectionCore>, call: u32) {
    let mut state = connection.lock();
    state.queue.push_back(InboundCall {
        id: InboundCallId(call),
        request: RequestPacket::new(call, b"method", b""),
        deadline: None,
        info: None,
        streams: None,
    });
}

/// Looks for a stalled handler. Returns `true` if work may be blocked behind one, so that this side has to look again.
fn look(connection: &Arc<ConnectionCore>) -> bool {
    let mut state = connection.lock();
    let recovery = state.check_stalled_handler();
    let blocked = state.reconcile_and_look(|state| state.has_blocked_work());
    connection.recover(recovery);
    blocked || recovery.dispatcher
}

/// Invariants: requests start in order of arrival; each is answered and ended once, whether its batch was revoked or not;
/// none waits behind a handler that blocks, if the reader looks for as long as
/// [`has_blocked_work`](crate::peer::connection::state::ConnectionState::has_blocked_work) says.
#[test]
fn requests_behind_a_handler_that_blocks_are_started_in_order_and_answered_once() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let started = Arc::new(Started::default());
        connection.set_handler({
            let started = Arc::clone(&started);
            move |step, InboundCallId(call)| match step {
                HandlerStep::Start => started.note(call),
                // Every second handler blocks until the next has been started.
                HandlerStep::Run if call % 2 == 1 => started.wait_for(call + 1),
                HandlerStep::Run => {}
            }
        });
        connection.lock().serve_requests();
        for call in 1..=REQUESTS {
            receive(&connection, call);
            look(&connection);
        }
        while look(&connection) {
            thread::yield_now();
        }
        while connection.look().session.answered.len() < REQUESTS as usize {
            thread::yield_now();
        }
        let state = connection.look();
        let mut ended: Vec<_> = state.session.finished.iter().map(|id| id.0).collect();
        let mut answered: Vec<_> = state.session.answered.iter().map(|id| id.0).collect();
        ended.sort_unstable();
        answered.sort_unstable();
        assert!(ended.into_iter().eq(1..=REQUESTS));
        assert!(answered.into_iter().eq(1..=REQUESTS));
        let calls = started.calls.lock().unwrap();
        assert!(calls.iter().copied().eq(1..=REQUESTS), "{calls:?}");
    });
}
