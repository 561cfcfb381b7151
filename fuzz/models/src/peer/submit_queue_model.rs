use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use crate::peer::client::pending_call::PendingCall;
use crate::peer::client::submit_queue::{SubmitOutcome, SubmitQueue};
use crate::peer::connection::state::ConnectionState;
use crate::peer::schedules;

const CALLERS: u8 = 3;
const CALLS: u8 = 2;

/// A connection as far as its callers and its writer know it.
struct Model {
    queue: SubmitQueue,
    state: Mutex<ConnectionState>,
    is_woken: Mutex<bool>,
    changed: Condvar,
}

impl Model {
    fn new() -> Self {
        Self {
            queue: SubmitQueue::new(true),
            state: Mutex::default(),
            is_woken: Mutex::default(),
            changed: Condvar::default(),
        }
    }

    fn wake_writer(&self) {
        *self.is_woken.lock().unwrap() = true;
        self.changed.notify_one();
    }

    /// Flushes the queue whenever the writer is woken, until all calls have come.
    fn write(&self, calls: usize) {
        loop {
            self.queue.set_writer_scheduled(false);
            let mut state = self.state.lock().unwrap();
            state.flush_submit_queue(&self.queue);
            if state.session.names.len() == calls {
                return;
            }
            drop(state);
            let mut is_woken = self.is_woken.lock().unwrap();
            while !*is_woken {
                is_woken = self.changed.wait(is_woken).unwrap();
            }
            *is_woken = false;
        }
    }

    fn call(&self, caller: u8, call: u8) {
        let slot = PendingCall::take(None);
        match self.queue.push(&slot, &[caller, call], b"params", None) {
            SubmitOutcome::First => self.wake_writer(),
            SubmitOutcome::Behind => {}
            SubmitOutcome::Enough => panic!("there are few calls"),
            SubmitOutcome::Full | SubmitOutcome::Closed => panic!("there is room"),
        }
    }
}

/// A call that waits for a writer that sleeps is a deadlock, which the scheduler reports.
#[test]
fn each_call_reaches_the_session_once_and_in_its_order() {
    schedules::check(|| {
        let model = Arc::new(Model::new());
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let model = Arc::clone(&model);
                thread::spawn(move || (0..CALLS).for_each(|call| model.call(caller, call)))
            })
            .collect();
        model.write(usize::from(CALLERS * CALLS));
        callers
            .into_iter()
            .for_each(|caller| caller.join().unwrap());
        let state = model.state.lock().unwrap();
        assert_eq!(model.queue.len(), 0);
        assert_eq!(state.pending_calls.0.len(), usize::from(CALLERS * CALLS));
        for caller in 0..CALLERS {
            let names = state.session.names.iter().filter(|name| name[0] == caller);
            assert!(names.map(|name| name[1]).eq(0..CALLS), "in order");
        }
    });
}

/// The reader, which gets several answers at once, wakes the writer in place of the callers.
#[test]
fn calls_behind_a_writer_that_is_scheduled_are_flushed() {
    schedules::check(|| {
        let model = Arc::new(Model::new());
        let reader = thread::spawn({
            let model = Arc::clone(&model);
            move || {
                model.queue.set_writer_scheduled(true);
                model.wake_writer();
            }
        });
        let caller = thread::spawn({
            let model = Arc::clone(&model);
            move || (0..CALLS).for_each(|call| model.call(0, call))
        });
        model.write(usize::from(CALLS));
        caller.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_call_at_the_end_is_flushed_or_returned_or_refused() {
    schedules::check(|| {
        let model = Arc::new(Model::new());
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    let slot = PendingCall::take(None);
                    let pushed = model.queue.push(&slot, &[caller], b"", None);
                    usize::from(matches!(pushed, SubmitOutcome::Closed))
                })
            })
            .collect();
        model.state.lock().unwrap().flush_submit_queue(&model.queue);
        let returned = model.queue.close().count();
        let refused: usize = callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .sum();
        let flushed = model.state.lock().unwrap().session.names.len();
        assert_eq!(flushed + returned + refused, usize::from(CALLERS));
    });
}
