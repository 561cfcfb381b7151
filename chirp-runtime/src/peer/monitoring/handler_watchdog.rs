use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use crate::peer::connection::ConnectionCore;
use crate::peer::guard;
use crate::sync::{Condvar, Mutex, MutexGuard, thread};

/// The interval between looks of the watchdog. A stay inside of handlers ends after one to two of these intervals.
const INTERVAL: Duration = Duration::from_micros(500);

/// The number of looks without any stay after which a connection is not observed any more.
const QUIET: u32 = 40;

/// The code of a thread. Boxed: what starts a thread is compiled once for each type of closure.
type Run = Box<dyn FnOnce() + Send>;

/// The thread that notices tasks that are blocked inside of a handler. A task would need a worker that polls timers, and
/// the blocked worker may be the only one that does.
pub(in crate::peer) struct HandlerWatchdog {
    added: Mutex<Added>,
    wakes: Condvar,
}

/// The connections that the thread has not taken yet.
struct Added {
    connections: Vec<Weak<ConnectionCore>>,
    state: WatchdogState,
}

#[derive(PartialEq, Eq)]
enum WatchdogState {
    NotStarted,
    Sleeping,
    Looking,
}

struct Watched {
    connection: Weak<ConnectionCore>,
    /// The stay that was found by the last look.
    stay: u64,
    quiet: u32,
}

impl HandlerWatchdog {
    pub(super) const fn new() -> Self {
        Self {
            added: Mutex::new(Added {
                connections: Vec::new(),
                state: WatchdogState::NotStarted,
            }),
            wakes: Condvar::new(),
        }
    }

    /// Observes a connection whose tasks run handlers, until they have run none for a while.
    pub(in crate::peer) fn watch(&'static self, connection: &Arc<ConnectionCore>) {
        let mut added = self.lock();
        added.connections.push(Arc::downgrade(connection));
        match added.state {
            WatchdogState::Looking => {}
            WatchdogState::Sleeping => {
                added.state = WatchdogState::Looking;
                self.wakes.notify_one();
            }
            WatchdogState::NotStarted => {
                let thread = thread::Builder::new().name("chirp-watchdog".to_owned());
                // Without the thread, a handler that blocks stalls its connection alone; the next connection tries again.
                let run: Run = Box::new(|| self.run());
                if thread.spawn(run).is_ok() {
                    added.state = WatchdogState::Looking;
                } else {
                    added.connections.pop();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Added> {
        self.added.lock()
    }

    fn run(&self) {
        let mut watched = Vec::new();
        loop {
            let mut added = self.lock();
            while watched.is_empty() && added.connections.is_empty() {
                added.state = WatchdogState::Sleeping;
                added = self
                    .wakes
                    .wait(added)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            watched.extend(added.connections.drain(..).map(|connection| Watched {
                connection,
                stay: 0,
                quiet: 0,
            }));
            drop(added);
            thread::sleep(INTERVAL);
            // A panic must not end the observation of the other connections.
            watched.retain_mut(|watched| {
                catch_unwind(AssertUnwindSafe(|| watched.look())).unwrap_or(false)
            });
        }
    }
}

impl Watched {
    /// Looks at a connection. Returns `false` if it need not be observed any more.
    fn look(&mut self) -> bool {
        let Some(connection) = self.connection.upgrade() else {
            return false;
        };
        let goes_on = self.look_at(&connection);
        // The connection may own values of the program, whose drop must not delay the others.
        if let Some(connection) = Arc::into_inner(connection) {
            // Dropped through a pointer again, so that the code of the drop is compiled once.
            let connection = Arc::new(connection);
            let thread = thread::Builder::new().name("chirp-drop".to_owned());
            let run: Run = Box::new(move || guard::discard(connection));
            let _ = thread.spawn(run);
        }
        goes_on
    }

    /// Recovers from a stay that has been going on since the last look. Returns `false` if the connection need not be
    /// observed any more.
    fn look_at(&mut self, connection: &Arc<ConnectionCore>) -> bool {
        let stay = connection.stays.current();
        if stay != self.stay {
            self.stay = stay;
            self.quiet = 0;
            return true;
        }
        if stay.is_multiple_of(2) {
            self.quiet += 1;
            return self.quiet < QUIET || !connection.stays.stop_watching();
        }
        if connection.stays.end(stay) {
            connection.recover_stay(stay);
        }
        true
    }
}
