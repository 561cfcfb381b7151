use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::coop;
use tokio::time::Instant as Deadline;

use crate::packet::{FrameworkError, ResultCode};
use crate::peer::client::caller::ConnectionRef;
use crate::peer::connection::ConnectionCore;
use crate::peer::connection::effects::Effects;
use crate::peer::connection::state::ConnectionState;
use crate::peer::guard;
use crate::peer::monitoring::span::Span;
use crate::peer::server::completion::into_wire;
use crate::peer::server::dispatch::{ActiveHandler, BUDGET};
use crate::peer::server::dispatch_batch::{DispatchBatch, FirstPoll};
use crate::peer::server::dispatch_step::{DispatchStep, StartSite};
use crate::peer::server::inbound_call::InboundCall;
use crate::peer::server::serving::Serving;
use crate::peer::server::slow_methods::MethodPrefix;
use crate::peer::server::task::{self, HandlerTask};
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::{CallContext, Handler, HandlerFuture, Reply, Request};
use crate::session::StreamCarrier;
use crate::sync::{AtomicU64, Mutex};

/// Claims requests in order of arrival, starts their handlers, and polls each once: for the dispatcher, or for the
/// reader in its place.
pub(in crate::peer) struct HandlerStarter {
    pub(super) connection: Arc<ConnectionCore>,
    /// The requests that have been claimed. While the batch is not revoked, its owner has the queue.
    pub(super) batch: Arc<Mutex<DispatchBatch>>,
    pub(super) progress: Arc<AtomicU64>,
    /// The services that answer the claimed requests.
    pub(super) serving: Option<Arc<Serving>>,
    pub(super) effects: Option<Box<Effects>>,
    /// Tasks have been woken since requests were claimed.
    pub(super) has_woken: bool,
    /// The number of requests that the reader answers with one write.
    pub(super) piece: usize,
    /// The reader writes responses by itself, instead of leaving them to the writer task.
    pub(super) writes: bool,
}

impl HandlerStarter {
    pub(in crate::peer) fn new(
        connection: &Arc<ConnectionCore>,
        state: &mut ConnectionState,
    ) -> Self {
        Self {
            connection: Arc::clone(connection),
            batch: Arc::clone(state.dispatch.batch()),
            progress: Arc::clone(&state.dispatch.progress),
            serving: None,
            effects: None,
            has_woken: false,
            piece: 0,
            writes: true,
        }
    }

    /// Commits results and claims requests under one lock. Writes if there is nothing to start.
    pub(super) fn fill(&mut self, count: usize) -> DispatchStep {
        let Self {
            connection,
            batch,
            serving,
            effects,
            has_woken,
            ..
        } = self;
        // Routes may have changed in the meantime. Replaced routes belong to the program.
        if serving.is_some() {
            guard::discard(serving.take());
        }
        let mut state = connection.lock_reusing(effects);
        let next = state.fill(&mut batch.lock(), count, serving, StartSite::Dispatcher);
        let lease = match next {
            DispatchStep::Idle | DispatchStep::Gone => connection.take_turn(&mut state),
            DispatchStep::Begin | DispatchStep::Slow(..) => {
                // Written with the responses of this batch, by this dispatcher or the next.
                state.defer_output();
                None
            }
        };
        *has_woken = state.reconcile_and_look(|state| state.effects.has_wakes());
        if let Some(lease) = lease {
            connection.write(lease);
        }
        next
    }

    /// Returns `true` if a dispatcher must yield before it starts the claimed requests: the task that was woken last waits
    /// for this worker, which a handler may block.
    pub(super) fn yields_to_woken(&mut self) -> bool {
        std::mem::take(&mut self.has_woken) && self.connection.can_take_over
    }

    /// As [`start_batch`](Self::start_batch), while the watchdog observes this dispatcher.
    pub(super) fn start_watched(&mut self, limit: usize, spent: &mut Duration) -> usize {
        if !self.connection.can_take_over {
            return self.start_batch(limit, spent);
        }
        let stay = self.connection.stays.begin();
        self.connection.stays.observe(&self.connection);
        let count = self.start_batch(limit, spent);
        self.connection.stays.end(stay);
        count
    }

    /// Starts claimed requests, up to `limit`. Returns how many it has started, and adds the time it has taken to `spent`.
    pub(super) fn start_batch(&mut self, limit: usize, spent: &mut Duration) -> usize {
        let mut now = Instant::now();
        let mut result = None;
        let mut count = 0;
        loop {
            let mut batch = self.batch.lock();
            let orphaned_result = result.and_then(|result| batch.record(result));
            let next = if *spent > BUDGET || count == limit {
                None
            } else {
                batch.begin(now)
            };
            drop(batch);
            if let Some(result) = orphaned_result {
                self.commit_orphaned(result);
            }
            let Some((call, active)) = next else {
                return count;
            };
            let (polled, after, took) = self.start(call, active, false);
            *spent += took;
            (result, now) = (Some(polled), after);
            count += 1;
        }
    }

    /// Drops the services, which belong to the program if they have been replaced.
    pub(super) fn discard_services(&mut self) {
        guard::discard(self.serving.take());
    }

    /// Starts a request of a slow method. Another dispatcher has taken the queue over.
    pub(super) fn start_slow(&mut self, call: InboundCall, active: ActiveHandler) {
        let (result, ..) = self.start(call, active, true);
        self.commit_orphaned(result);
    }

    /// Commits the results of the batch and writes them, before the dispatcher yields.
    pub(super) fn commit_and_write(&mut self) {
        let Self {
            connection,
            batch,
            effects,
            ..
        } = self;
        let mut state = connection.lock_reusing(effects);
        state.commit(&mut batch.lock());
        let lease = connection.take_turn(&mut state);
        drop(state);
        if let Some(lease) = lease {
            connection.write(lease);
        }
    }

    /// Commits the result of a handler whose batch has been revoked in the meantime.
    fn commit_orphaned(&mut self, result: FirstPoll) {
        let mut state = self.connection.lock_reusing(&mut self.effects);
        match result {
            FirstPoll::Replied(Some((id, code, mut data))) => {
                state.complete(id, code, &mut data);
                state.effects.spent.push(data);
            }
            FirstPoll::Replied(None) => {}
            FirstPoll::Pending(task) => state.effects.tasks.push(*task),
        }
    }

    /// Starts a handler and polls it once. Returns the result, the time after it, and how long it took.
    fn start(
        &mut self,
        call: InboundCall,
        active: ActiveHandler,
        slow: bool,
    ) -> (FirstPoll, Instant, Duration) {
        let InboundCall {
            id,
            request,
            deadline,
            info,
            streams,
        } = call;
        let link = ConnectionRef::uncounted(&self.connection);
        let method = MethodPrefix::new(request.method());
        let span = Span::of_handler(request.method());
        if slow {
            // This dispatcher stays with this handler alone.
            self.connection.start_next_dispatcher(Some(active));
        }
        let mut handling = None;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let serving = self.serving.as_deref()?;
            let streams =
                streams.map(|unbound| InboundStreams::new(&link, StreamCarrier::Run(id), unbound));
            if let Some(info) = &info
                && let Some(trace) = &info.trace
                && let Some(propagation) = &self.connection.propagation
            {
                span.continue_trace(propagation, trace);
            }
            let cx = CallContext::new(link.into(), serving.extensions(), Some(id))
                .within(deadline)
                .received(info);
            let mut request = Request::new(cx, request);
            if streams.is_some() {
                request = request.with_streams(streams);
            }
            span.inside(|| {
                let future = within(deadline, serving.router.handle(request));
                let handling = handling.insert(future);
                self.progress.store(active.begun(), Ordering::Release);
                Some(poll_once(handling))
            })
        }));
        if slow || polled.is_err() {
            // The next dispatcher may be further already.
            self.progress
                .fetch_max(active.returned(), Ordering::Release);
        }
        let now = Instant::now();
        let took = now - active.since;
        let over = took > BUDGET;
        if slow || over {
            let mut state = self.connection.lock();
            state.dispatch.slow.note(method.as_bytes(), over);
        }
        let reply = match (polled, handling) {
            (Ok(Some(Poll::Pending)), Some(handling)) => {
                let connection = Arc::clone(&self.connection);
                let task = HandlerTask::new(connection, id, handling, span, method);
                return (FirstPoll::Pending(Box::new(task)), now, took);
            }
            (Ok(Some(Poll::Ready(reply))), handling) => {
                task::drop_caught(handling);
                reply
            }
            (Err(panic), handling) => {
                task::drop_caught(handling);
                task::panicked(panic, method.as_bytes(), Some(&self.connection))
            }
            // Unreachable: `fill` sets `serving` with every claim.
            (Ok(_), _) => FrameworkError::NoReply.into(),
        };
        let reply = match reply {
            Reply::Value(data) if !data.has_attachments() => {
                let reply = Some((id, ResultCode::Success, data));
                return (FirstPoll::Replied(reply), now, took);
            }
            reply => reply,
        };
        let mut reply = into_wire(id, reply).map(|(code, data)| (id, code, data));
        if let Some((id, code, data)) = reply.take_if(|(.., data)| data.has_attachments()) {
            self.connection.complete_with(id, code, data);
        }
        (FirstPoll::Replied(reply), now, took)
    }
}

/// A starter that panics in the program's channel ends the session: nothing else would serve its requests.
impl Drop for HandlerStarter {
    fn drop(&mut self) {
        guard::discard(self.serving.take());
        if std::thread::panicking() {
            self.connection.end_with_task();
        }
    }
}

/// Limits a handler to the deadline of its call. Then it is interrupted.
fn within(deadline: Option<Deadline>, handling: HandlerFuture) -> HandlerFuture {
    let Some(deadline) = deadline else {
        return handling;
    };
    Box::pin(async move {
        let timed = tokio::time::timeout_at(deadline, handling).await;
        timed.unwrap_or_else(|_| FrameworkError::DeadlineExceeded.into())
    })
}

/// Polls a handler in place, without tokio's cooperative budget: under the dispatcher's budget, later handlers of a
/// batch would return `Pending` although they could continue. A handler that is pending gets a task, which polls it
/// again with a real waker.
fn poll_once(handling: &mut HandlerFuture) -> Poll<Reply> {
    pin!(coop::unconstrained(handling.as_mut())).poll(&mut Context::from_waker(Waker::noop()))
}
