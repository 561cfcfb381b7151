use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::dispatch_step::{DispatchStep, StartSite};
use crate::packet::{Payload, ResultCode};
use crate::peer::connection::{ConnectionCore, HandlerStep};
use crate::peer::server::dispatch_batch::{DispatchBatch, FirstPoll};
use crate::peer::sleeper::Sleeper;
use crate::sync::{AtomicU64, Mutex, thread};

/// The maximum number of requests that are claimed at once.
const CLAIMED: usize = 3;

impl ConnectionCore {
    pub(in crate::peer) fn spawn_first_dispatcher(&self, batch: Arc<Mutex<DispatchBatch>>) {
        let connection = self.this.upgrade().expect("a connection in use");
        connection.spawn_dispatcher(batch);
    }

    fn spawn_dispatcher(self: &Arc<Self>, batch: Arc<Mutex<DispatchBatch>>) {
        let dispatcher = Dispatcher {
            connection: Arc::clone(self),
            batch,
            progress: Arc::clone(&self.look().dispatch.progress),
        };
        thread::Builder::new()
            .spawn(move || dispatcher.run())
            .expect("a thread of the model");
    }

    pub(super) fn take_over(self: &Arc<Self>) {
        let batch = Arc::clone(self.lock().dispatch.batch());
        self.spawn_dispatcher(batch);
    }
}

/// The dispatcher of the runtime, on a thread, with handlers that return at once or block.
struct Dispatcher {
    connection: Arc<ConnectionCore>,
    batch: Arc<Mutex<DispatchBatch>>,
    progress: Arc<AtomicU64>,
}

impl Dispatcher {
    fn run(self) {
        let sleeper = Arc::new(Sleeper::default());
        let waker = Waker::from(Arc::clone(&sleeper));
        let mut state = self.connection.lock();
        let old = if state.dispatch.is_current(&self.batch) {
            state.dispatch.waker.replace(waker)
        } else {
            Some(waker)
        };
        drop(state);
        drop(old);
        loop {
            let mut serving = None;
            let mut state = self.connection.lock();
            let step = state.fill(
                &mut self.batch.lock(),
                CLAIMED,
                &mut serving,
                StartSite::Dispatcher,
            );
            drop(state);
            match step {
                DispatchStep::Begin => self.start_batch(),
                DispatchStep::Slow(..) => panic!("no method is known to be slow"),
                DispatchStep::Idle => sleeper.sleep(),
                DispatchStep::Gone => return,
            }
        }
    }

    fn start_batch(&self) {
        let mut result = None;
        // Every handler has exceeded its time budget as soon as it has begun.
        let since = Instant::now() - Duration::from_secs(1);
        loop {
            let mut batch = self.batch.lock();
            let orphaned = result.take().and_then(|result| batch.record(result));
            let next = batch.begin(since);
            drop(batch);
            if let Some(FirstPoll::Replied(Some((id, code, mut data)))) = orphaned {
                let mut state = self.connection.lock();
                state.session.respond(id, code, &mut data);
                state.finish(id);
            }
            let Some((call, active)) = next else {
                return;
            };
            self.connection.handle(HandlerStep::Start, call.id);
            self.progress.store(active.begun(), Ordering::Release);
            self.connection.handle(HandlerStep::Run, call.id);
            let reply = (call.id, ResultCode::Success, Payload::default());
            result = Some(FirstPoll::Replied(Some(reply)));
        }
    }
}
