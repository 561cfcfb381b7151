use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use shuttle::thread;

use crate::channel::Wire;
use crate::peer::client::pending_call::PendingCall;
use crate::peer::connection::ConnectionCore;
use crate::peer::connection::effects::{Action, Effects};
use crate::peer::schedules;
use crate::peer::sleeper;
use crate::session::{CallOutcome, Refused};

const THREADS: usize = 3;

/// A task of the program that calls the connection as soon as it is woken.
struct Caller {
    connection: Arc<ConnectionCore>,
    woken: AtomicUsize,
    then: Option<Waker>,
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        // A deadlock if this runs under the lock.
        let mut state = self.connection.lock();
        self.woken.fetch_add(1, Ordering::SeqCst);
        state.effects.wakes.extend(self.then.clone());
    }
}

impl Caller {
    fn new(connection: &Arc<ConnectionCore>, then: Option<Waker>) -> Arc<Self> {
        Arc::new(Self {
            connection: Arc::clone(connection),
            woken: AtomicUsize::new(0),
            then,
        })
    }
}

/// Invariant: whichever thread adds an effect, it is applied once and after the lock has been released, also an effect of
/// an effect, and with the buffer of a task, which stays empty.
#[test]
fn each_effect_is_applied_once_and_without_the_lock() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let second = Caller::new(&connection, None);
        let first = Caller::new(&connection, Some(Waker::from(Arc::clone(&second))));
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let connection = Arc::clone(&connection);
                let waker = Waker::from(Arc::clone(&first));
                thread::spawn(move || {
                    let mut effects = None;
                    for _ in 0..2 {
                        let mut state = if thread == 0 {
                            connection.lock()
                        } else {
                            connection.lock_reusing(&mut effects)
                        };
                        state.effects.wakes.push(waker.clone());
                        drop(state);
                        assert!(
                            effects
                                .as_ref()
                                .is_none_or(|effects: &Box<Effects>| effects.is_nothing())
                        );
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(first.woken.load(Ordering::SeqCst), 2 * THREADS);
        assert_eq!(second.woken.load(Ordering::SeqCst), 2 * THREADS);
    });
}

/// Invariant: a caller that gets its answer sees that the peer refuses calls, if that was known with the answer, and
/// tasks that wait for it are notified once. Otherwise, the caller's next call would be sent and refused.
#[test]
fn an_answered_caller_sees_that_the_peer_refuses_calls() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let slot = PendingCall::take(None);
        let reader = thread::spawn({
            let (connection, slot) = (Arc::clone(&connection), Arc::clone(&slot));
            move || {
                let mut state = connection.lock();
                let outcome = CallOutcome::TooLarge { limit: 7 };
                state.effects.answers.push((slot, outcome, None));
                state.effects.add(Action::Refusing);
            }
        });
        let other = thread::spawn({
            let connection = Arc::clone(&connection);
            move || connection.lock().effects.add(Action::Refusing)
        });
        let answer = sleeper::run_poll(|cx| slot.poll(cx.waker()));
        assert!(matches!(answer, Ok((CallOutcome::TooLarge { .. }, _))));
        assert!(connection.refusing.load(Ordering::SeqCst));
        reader.join().unwrap();
        other.join().unwrap();
        assert_eq!(connection.signal.count(), 1);
    });
}

/// Invariant: a call that the session refused reaches its caller, which is woken.
#[test]
fn a_refused_call_wakes_its_caller() {
    schedules::check(|| {
        let connection = ConnectionCore::new(&Wire::default());
        let slot = PendingCall::take(None);
        let writer = thread::spawn({
            let (connection, slot) = (Arc::clone(&connection), Arc::clone(&slot));
            move || {
                let mut state = connection.lock();
                state
                    .effects
                    .rare()
                    .refused
                    .push((slot, Refused::GoingAway));
            }
        });
        let answer = sleeper::run_poll(|cx| slot.poll(cx.waker()));
        assert!(matches!(answer, Err(Refused::GoingAway)));
        writer.join().unwrap();
    });
}
