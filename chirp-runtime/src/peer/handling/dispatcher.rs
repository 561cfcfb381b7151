use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::coop;
use tokio::time::Instant as Deadline;

use crate::packet::{self, FrameworkError};
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::connection::ConnectionCore;
use crate::peer::guard;
use crate::peer::handling::completion::into_wire;
use crate::peer::handling::dispatch::{self, ActiveHandler, BUDGET};
use crate::peer::handling::dispatch_batch::{DispatchBatch, FirstPoll, InboundCall};
use crate::peer::handling::serving::Serving;
use crate::peer::handling::slow_methods::MethodPrefix;
use crate::peer::handling::task::{self, HandlerTask};
use crate::peer::monitoring::span::Span;
use crate::peer::state::{ConnectionState, Effects};
use crate::peer::streaming::inbound_streams::{InboundStreams, UnboundStreams};
use crate::peer::task::spawn;
use crate::peer::writer::WriteState;
use crate::peer::{CallContext, Handler, HandlerFuture, Reply, Request};
use crate::session::{InboundCallId, StreamCarrier};

/// Requests that one turn of a dispatcher begins before it lets the rest of the program run.
const TURN: usize = 64;

impl ConnectionCore {
    /// Starts a dispatcher in place of one that is inside a handler for long.
    fn start_next_dispatcher(self: &Arc<Self>, previous: Option<ActiveHandler>) {
        self.spawn_dispatcher(previous);
        // The task that a worker woke last waits for that worker, which may be busy for long, and wakes no
        // other. One more after it does: any worker may take the first, and one will wait for I/O again.
        spawn(&self.runtime, async {});
    }

    /// Starts a dispatcher in place of one that has lost its claim.
    pub(super) fn take_over(self: &Arc<Self>) {
        self.start_next_dispatcher(None);
    }

    pub(in crate::peer) fn start_dispatcher(self: &Arc<Self>) {
        self.spawn_dispatcher(None);
    }

    fn spawn_dispatcher(self: &Arc<Self>, previous: Option<ActiveHandler>) {
        let connection = Arc::clone(self);
        let state = self.lock();
        let dispatcher = Dispatcher {
            connection,
            batch: Arc::clone(&state.dispatch.batch),
            progress: Arc::clone(&state.dispatch.progress),
            serving: None,
            effects: Effects::default(),
            previous,
            started: false,
        };
        drop(state);
        spawn(&self.runtime, dispatcher);
    }
}

/// The task that begins handlers, in order of arrival, and polls each once in place.
struct Dispatcher {
    connection: Arc<ConnectionCore>,
    /// Its claim to the queue, and what it has taken from there.
    batch: Arc<Mutex<DispatchBatch>>,
    progress: Arc<AtomicU64>,
    /// Who answers what it has taken.
    serving: Option<Arc<Serving>>,
    effects: Effects,
    /// The handler that its predecessor is inside of, which has its time first.
    previous: Option<ActiveHandler>,
    started: bool,
}

/// What a dispatcher does next.
enum DispatchStep {
    /// There is something in its batch.
    Begin,
    /// This, and nothing else after it.
    Slow(StartingCall),
    /// There is nothing to do.
    Idle,
    /// Another dispatcher does it.
    Gone,
}

/// A handler that is to begin.
struct StartingCall {
    run: InboundCallId,
    request: packet::RequestPacket,
    deadline: Option<Deadline>,
    unbound: Option<UnboundStreams>,
    inside: ActiveHandler,
    slow: bool,
}

impl StartingCall {
    fn new(taken: InboundCall, inside: ActiveHandler, slow: bool) -> Self {
        let InboundCall {
            run,
            request,
            deadline,
            unbound,
            ..
        } = taken;
        Self {
            run,
            request,
            deadline,
            unbound,
            inside,
            slow,
        }
    }
}

impl ConnectionState {
    /// Hands over what a dispatcher has done, and fills its batch with up to `count` requests.
    fn fill(
        &mut self,
        batch: &mut DispatchBatch,
        count: usize,
        serving: &mut Option<Arc<Serving>>,
        effects: &mut Effects,
    ) -> DispatchStep {
        self.commit(batch, effects);
        if batch.is_revoked() || self.end.is_some() || self.serving.is_none() {
            return DispatchStep::Gone;
        }
        if self.session.lacks_room_for_answers() {
            self.put_back(batch);
            self.dispatch.idle = true;
            return DispatchStep::Idle;
        }
        while batch.waiting() < count
            && let Some((run, request)) = self.queue.pop_front()
        {
            if !self.session.is_wanted(run) {
                self.forget_deadline(run);
                self.session.finish(run);
                effects.aborts.extend(self.handler_tasks.take(run));
                effects.unwanted.push(request);
                drop(self.streams.take_run(run));
                continue;
            }
            let slow = self.dispatch.slow.contains(request.method());
            if slow && batch.waiting() > 0 {
                // Those before it begin first.
                self.queue.push_front((run, request));
                break;
            }
            self.dispatch.count += 1;
            let taken = InboundCall {
                run,
                request,
                deadline: self.forget_deadline(run),
                number: self.dispatch.count,
                unbound: self.streams.take_run(run),
            };
            if slow {
                self.dispatch.revoke(batch);
                let inside = ActiveHandler {
                    number: taken.number,
                    since: Instant::now(),
                };
                serving.clone_from(&self.serving);
                return DispatchStep::Slow(StartingCall::new(taken, inside, true));
            }
            batch.take(taken);
        }
        if batch.waiting() == 0 {
            self.dispatch.idle = true;
            return DispatchStep::Idle;
        }
        serving.clone_from(&self.serving);
        DispatchStep::Begin
    }
}

impl Dispatcher {
    /// Hands over what has been done, and takes requests: one lock for both. Where there is nothing to do
    /// next, it writes.
    fn fill(&mut self, count: usize) -> DispatchStep {
        let Self {
            connection,
            batch,
            serving,
            effects,
            ..
        } = self;
        // Routes may have changed since the last time, and what is dropped of them is the program's.
        if serving.is_some() {
            guard::discard(serving.take());
        }
        let (next, lease) = connection.with_effects(effects, |state, effects| {
            let next = state.fill(&mut dispatch::lock(batch), count, serving, effects);
            let lease = match next {
                DispatchStep::Idle | DispatchStep::Gone => connection.take_turn(state),
                DispatchStep::Begin | DispatchStep::Slow(_) => None,
            };
            (next, lease)
        });
        if let Some(lease) = lease {
            connection.write(lease);
        }
        next
    }

    /// Begins the requests that were taken. How many. `spent` is how much time its turn has taken.
    fn work(&mut self, spent: &mut Duration) -> usize {
        let mut now = Instant::now();
        let mut begun = None;
        let mut count = 0;
        loop {
            let mut batch = dispatch::lock(&self.batch);
            let orphaned_result = begun.and_then(|begun| batch.record(begun));
            let next = if *spent > BUDGET {
                None
            } else {
                batch.begin(now)
            };
            drop(batch);
            if let Some(begun) = orphaned_result {
                self.settle(begun);
            }
            let Some((taken, inside)) = next else {
                return count;
            };
            let (what, when) = self.begin(StartingCall::new(taken, inside, false));
            *spent += when - now;
            (begun, now) = (Some(what), when);
            count += 1;
        }
    }

    /// Does what follows from a handler's first poll, when the queue has another dispatcher.
    fn settle(&mut self, begun: FirstPoll) {
        self.connection
            .with_effects(&mut self.effects, |state, effects| match begun {
                FirstPoll::Replied(Some((run, code, mut data))) => {
                    state.complete(run, code, &mut data, effects);
                    effects.spent.push(data);
                    effects.wake_writer |=
                        state.write_state == WriteState::Idle && state.session.has_output();
                }
                FirstPoll::Replied(None) => {}
                FirstPoll::Waits(run, task) => state.put_task(run, task, effects),
            });
    }

    /// Begins a handler and polls it once. What came of it, and when that was over.
    fn begin(&mut self, work: StartingCall) -> (FirstPoll, Instant) {
        let StartingCall {
            run,
            request,
            deadline,
            unbound,
            inside,
            slow,
        } = work;
        let link = ConnectionRef::uncounted(&self.connection);
        let method = MethodPrefix::new(request.method());
        let span = Span::of_handler(request.method());
        if slow {
            // This one keeps to this handler.
            self.connection.start_next_dispatcher(Some(inside));
        }
        let mut handling = None;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let serving = self.serving.as_deref()?;
            let arrived =
                unbound.map(|unbound| InboundStreams::new(&link, StreamCarrier::Run(run), unbound));
            let cx = CallContext::new(link.into(), serving.values(), Some(run)).within(deadline);
            let request = Request::new(cx, request).with_streams(arrived);
            span.inside(|| {
                let begun = within(deadline, serving.router.handle(request));
                let handling = handling.insert(begun);
                self.progress.store(inside.begun(), Ordering::Release);
                Some(poll_once(handling))
            })
        }));
        if slow || polled.is_err() {
            // A successor may be further.
            self.progress
                .fetch_max(inside.returned(), Ordering::Release);
        }
        let now = Instant::now();
        let over = now - inside.since > BUDGET;
        if slow || over {
            let mut state = self.connection.lock();
            state.dispatch.slow.note(method.as_bytes(), over);
        }
        let reply = match (polled, handling) {
            (Ok(Some(Poll::Pending)), Some(handling)) => {
                return (self.spawn(run, handling, span, method), now);
            }
            (Ok(Some(Poll::Ready(reply))), handling) => {
                task::drop_caught(handling);
                reply
            }
            (Err(panic), handling) => {
                task::drop_caught(handling);
                task::panicked(panic, method.as_bytes(), Some(&self.connection))
            }
            // There is always somebody who answers what was taken.
            (Ok(_), _) => FrameworkError::NoReply.into(),
        };
        let mut reply = into_wire(run, reply).map(|(code, data)| (run, code, data));
        if let Some((run, code, data)) = reply.take_if(|(.., data)| data.has_attachments()) {
            self.connection.complete_with(run, code, data);
        }
        (FirstPoll::Replied(reply), now)
    }

    /// Gives a handler that has to wait a task of its own.
    fn spawn(
        &self,
        run: InboundCallId,
        handling: HandlerFuture,
        span: Span,
        method: MethodPrefix,
    ) -> FirstPoll {
        let connection = &self.connection;
        let task = HandlerTask::new(Arc::clone(connection), run, handling, span, method);
        FirstPoll::Waits(run, connection.runtime.spawn(task).abort_handle())
    }
}

impl Future for Dispatcher {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.started, true) {
            let waker = cx.waker().clone();
            let old = self.connection.lock().dispatch.waker.replace(waker);
            drop(old);
        }
        if let Some(previous) = self.previous {
            let progress = self.progress.load(Ordering::Acquire);
            if progress < previous.returned() && !previous.is_overdue(progress) {
                // For a fifth of a millisecond at most, which a timer could not tell.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.previous = None;
        }
        let mut spent = Duration::ZERO;
        let mut left = TURN;
        while left > 0 && spent <= BUDGET {
            match self.fill(left) {
                DispatchStep::Begin => left = left.saturating_sub(self.work(&mut spent)),
                DispatchStep::Slow(work) => {
                    let (begun, _) = self.begin(work);
                    self.settle(begun);
                }
                DispatchStep::Idle => return Poll::Pending,
                DispatchStep::Gone => return Poll::Ready(()),
            }
        }
        let Self {
            connection,
            batch,
            effects,
            ..
        } = &mut *self;
        connection.with_effects(effects, |state, effects| {
            state.commit(&mut dispatch::lock(batch), effects);
        });
        self.connection.flush();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// One that panicked in the channel would leave requests to nobody.
impl Drop for Dispatcher {
    fn drop(&mut self) {
        guard::discard(self.serving.take());
        if std::thread::panicking() {
            self.connection.end_with_task();
        }
    }
}

/// Gives a handler the time that its caller gives the call. Then it is interrupted.
fn within(deadline: Option<Deadline>, handling: HandlerFuture) -> HandlerFuture {
    let Some(deadline) = deadline else {
        return handling;
    };
    Box::pin(async move {
        let timed = tokio::time::timeout_at(deadline, handling).await;
        timed.unwrap_or_else(|_| FrameworkError::DeadlineExceeded.into())
    })
}

/// Polls a handler in place, with a budget of its own: with the dispatcher's, the later handlers of a
/// batch would be told to wait for what they could have. Its task, if it needs one, polls it again with
/// a waker that is worth keeping.
fn poll_once(handling: &mut HandlerFuture) -> Poll<Reply> {
    pin!(coop::unconstrained(handling.as_mut())).poll(&mut Context::from_waker(Waker::noop()))
}
