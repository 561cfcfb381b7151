use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::coop;
use tokio::time::Instant as Deadline;

use super::caller::Link;
use super::connection::{After, Connection, State, into_wire, recycle};
use super::serving::Serving;
use super::slow::{self, Slow};
use super::span::Span;
use super::task::{self, HandlerTask};
use super::writer::Turn;
use super::{CallContext, Handler, Handling, Reply, Request};
use crate::packet::{self, Fault, Payload, ResultCode};
use crate::session::RunKey;

/// How long a handler may take to return from its first poll. When one takes longer, a new dispatcher takes
/// the queue; and its method is given the dispatcher's own task from then on, as soon as it begins. A
/// dispatcher that has taken longer altogether lets the rest of the program run.
const BUDGET: Duration = Duration::from_micros(200);

/// Requests that one turn of a dispatcher begins before it lets the rest of the program run.
const TURN: usize = 64;

/// Which dispatcher serves the queue.
#[derive(Default)]
pub(super) struct Dispatch {
    /// Counts take-overs: only the latest dispatcher takes from the queue.
    epoch: u64,
    /// The handler it is inside of.
    inside: Option<Inside>,
    /// Counts handlers.
    count: u64,
    /// How far the latest handler is, in [`Inside`]'s terms. Known without the lock.
    progress: Arc<AtomicU64>,
    /// Wakes it. It is the waker of a task of this library, which may be cloned under the lock.
    waker: Option<Waker>,
    /// It waits for requests, or for room for what they are answered.
    idle: bool,
    /// Methods that a new dispatcher does not wait for.
    slow: Slow,
}

/// A dispatcher is inside a handler.
#[derive(Clone, Copy)]
struct Inside {
    number: u64,
    since: Instant,
}

impl Inside {
    /// The progress that says that the handler is being polled.
    fn begun(self) -> u64 {
        self.number * 2
    }

    /// The progress that says that its first poll is over.
    fn returned(self) -> u64 {
        self.number * 2 + 1
    }

    /// Whether the next handler may begin, although this one may not have returned.
    fn is_overdue(self, progress: u64) -> bool {
        // One that has not begun is not to blame, and must begin before the next.
        progress >= self.begun() && self.since.elapsed() > BUDGET
    }
}

impl Dispatch {
    /// Whom to wake because there are requests and room, if anybody waits for them.
    pub(super) fn rouse(&mut self) -> Option<Waker> {
        if std::mem::take(&mut self.idle) {
            self.waker.clone()
        } else {
            None
        }
    }

    /// Whom to wake because the session has ended.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Whether the dispatcher has been inside one handler for too long.
    fn is_overdue(&self) -> bool {
        let progress = self.progress.load(Ordering::Acquire);
        self.inside
            .is_some_and(|inside| inside.is_overdue(progress))
    }

    /// The dispatcher there is has no claim any more.
    fn pass_on(&mut self) {
        self.epoch += 1;
        self.inside = None;
    }
}

impl State {
    /// Whether requests or answers lie behind a handler that may not return soon, or will.
    pub(super) fn has_lying_work(&self) -> bool {
        let inside = self.dispatch.inside.is_some();
        !self.dispatch.idle
            && (self.queue.len() > 1
                || (inside && !self.queue.is_empty())
                || self.has_lying_output(inside))
    }

    /// Whether a dispatcher that is inside a handler has answers that nobody else will write.
    fn has_lying_output(&self, inside: bool) -> bool {
        inside && self.turn == Turn::Free && self.session.has_output()
    }

    /// Looks after what lies behind a handler that does not return. Whether a new dispatcher has to take
    /// over; then the one there was has no claim any more.
    pub(super) fn look_after(&mut self, after: &mut After) -> bool {
        if !self.dispatch.is_overdue() {
            return false;
        }
        after.wake_writer |= self.has_lying_output(true);
        let taken_over = !self.queue.is_empty();
        if taken_over {
            self.dispatch.pass_on();
        }
        taken_over
    }
}

impl Connection {
    /// Starts a dispatcher in place of one that is inside a handler for long.
    fn start_next_dispatcher(self: &Arc<Self>, previous: Option<Inside>) {
        self.spawn_dispatcher(previous);
        // The task that a worker woke last waits for that worker, which may be busy for long, and wakes no
        // other. One more after it does: any worker may take the first, and one will wait for I/O again.
        self.runtime.spawn(async {});
    }

    /// Starts a dispatcher in place of one that has lost its claim.
    pub(super) fn take_over(self: &Arc<Self>) {
        self.start_next_dispatcher(None);
    }

    pub(super) fn start_dispatcher(self: &Arc<Self>) {
        self.spawn_dispatcher(None);
    }

    fn spawn_dispatcher(self: &Arc<Self>, previous: Option<Inside>) {
        let connection = Arc::clone(self);
        let state = self.lock();
        let dispatcher = Dispatcher {
            connection,
            epoch: state.dispatch.epoch,
            progress: Arc::clone(&state.dispatch.progress),
            previous,
            started: false,
            inside: None,
        };
        drop(state);
        self.runtime.spawn(dispatcher);
    }
}

/// The task that begins handlers, in order of arrival, and polls each once in place.
struct Dispatcher {
    connection: Arc<Connection>,
    epoch: u64,
    progress: Arc<AtomicU64>,
    /// The handler that its predecessor is inside of, which has its time first.
    previous: Option<Inside>,
    started: bool,
    /// The call it is inside of.
    inside: Option<RunKey>,
}

/// What a dispatcher does next.
enum Next {
    Begin(Work),
    /// There is nothing to do.
    Idle,
    /// Another dispatcher does it.
    Gone,
}

/// A handler that is to begin.
struct Work {
    run: RunKey,
    request: packet::Request,
    serving: Arc<Serving>,
    deadline: Option<Deadline>,
    inside: Inside,
    slow: bool,
}

impl Dispatcher {
    /// Answers what was begun last, and takes the next request: one lock for both.
    fn next(&mut self, mut done: Option<(ResultCode, Payload)>) -> Next {
        let mut unwanted = Vec::new();
        let now = Instant::now();
        let next = self.connection.clone().with(|state, after| {
            self.leave(state, &mut done, after);
            self.take(state, now, &mut unwanted, after)
        });
        if let Some((_, data)) = done {
            recycle(data);
        }
        drop(unwanted);
        next
    }

    /// The handler that was begun last has returned, and answered if `done` says so.
    fn leave(
        &mut self,
        state: &mut State,
        done: &mut Option<(ResultCode, Payload)>,
        after: &mut After,
    ) {
        let Some(run) = self.inside.take() else {
            return;
        };
        if let Some((code, data)) = done {
            state.complete(run, *code, data, after);
        }
        if state.dispatch.epoch == self.epoch {
            state.dispatch.inside = None;
        }
    }

    fn take(
        &mut self,
        state: &mut State,
        now: Instant,
        unwanted: &mut Vec<packet::Request>,
        after: &mut After,
    ) -> Next {
        if state.dispatch.epoch != self.epoch || state.end.is_some() {
            return Next::Gone;
        }
        while let Some((run, request)) = state.queue.pop_front() {
            if !state.session.is_wanted(run) {
                state.deadlines.remove(&run);
                state.session.finish(run);
                after.aborts.extend(state.runs.take(run));
                unwanted.push(request);
                continue;
            }
            if state.session.is_unsent_enough() {
                state.queue.push_front((run, request));
                break;
            }
            let Some(serving) = state.serving.clone() else {
                return Next::Gone;
            };
            let deadline = state.deadlines.remove(&run);
            let slow = state.dispatch.slow.count(request.method());
            state.dispatch.count += 1;
            let inside = Inside {
                number: state.dispatch.count,
                since: now,
            };
            state.dispatch.inside = Some(inside);
            self.inside = Some(run);
            if slow {
                state.dispatch.pass_on();
            }
            return Next::Begin(Work {
                run,
                request,
                serving,
                deadline,
                inside,
                slow,
            });
        }
        state.dispatch.idle = true;
        Next::Idle
    }

    /// Begins a handler and polls it once. What it said, or nothing when it has a task now.
    fn begin(&mut self, work: Work) -> Option<Reply> {
        let Work {
            run,
            request,
            serving,
            deadline,
            inside,
            slow,
        } = work;
        let link = Link::uncounted(&self.connection);
        let method = Name::new(request.method());
        let span = Span::of_handler(request.method());
        if slow {
            // This one keeps to this handler.
            self.connection.start_next_dispatcher(Some(inside));
        }
        let mut handling = None;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let cx = CallContext::new(link.into(), serving.values(), Some(run)).within(deadline);
            let request = Request::new(cx, request);
            span.inside(|| {
                let begun = within(deadline, serving.router.handle(request));
                let handling = handling.insert(begun);
                self.progress.store(inside.begun(), Ordering::Release);
                poll_once(handling)
            })
        }));
        if slow || polled.is_err() {
            // A successor may be further.
            self.progress
                .fetch_max(inside.returned(), Ordering::Release);
        }
        if !slow && inside.since.elapsed() > BUDGET {
            self.connection
                .lock()
                .dispatch
                .slow
                .offend(method.as_bytes());
        }
        match polled {
            Ok(Poll::Pending) => {
                if let Some(handling) = handling {
                    self.spawn(run, handling, span);
                }
                None
            }
            Ok(Poll::Ready(reply)) => {
                task::drop_caught(handling);
                Some(reply)
            }
            Err(panic) => {
                task::drop_caught(handling);
                Some(task::panicked(panic))
            }
        }
    }

    /// Gives a handler that has to wait a task of its own.
    fn spawn(&self, run: RunKey, handling: Handling, span: Span) {
        let connection = &self.connection;
        let task = HandlerTask::new(Arc::clone(connection), run, handling, span);
        let abort = connection.runtime.spawn(task).abort_handle();
        let mut state = connection.lock();
        let unwanted = if state.session.is_wanted(run) && state.end.is_none() {
            state.runs.put(run, abort);
            None
        } else {
            Some(abort)
        };
        drop(state);
        if let Some(abort) = unwanted {
            abort.abort();
        }
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
        let mut done = None;
        let mut begun = None;
        for _ in 0..TURN {
            match self.next(done.take()) {
                Next::Begin(work) => {
                    let inside = work.inside;
                    done = self.begin(work).and_then(into_wire);
                    if inside.since - *begun.get_or_insert(inside.since) > BUDGET {
                        break;
                    }
                }
                Next::Idle => {
                    self.connection.flush();
                    return Poll::Pending;
                }
                Next::Gone => {
                    self.connection.flush();
                    return Poll::Ready(());
                }
            }
        }
        self.connection
            .clone()
            .with(|state, after| self.leave(state, &mut done, after));
        if let Some((_, data)) = done {
            recycle(data);
        }
        self.connection.flush();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Gives a handler the time that its caller gives the call. Then it is interrupted.
fn within(deadline: Option<Deadline>, handling: Handling) -> Handling {
    let Some(deadline) = deadline else {
        return handling;
    };
    Box::pin(async move {
        let timed = tokio::time::timeout_at(deadline, handling).await;
        timed.unwrap_or_else(|_| Fault::DeadlineExceeded.into())
    })
}

/// Polls a handler in place, with a budget of its own: with the dispatcher's, the later handlers of a
/// batch would be told to wait for what they could have. Its task, if it needs one, polls it again with
/// a waker that is worth keeping.
fn poll_once(handling: &mut Handling) -> Poll<Reply> {
    pin!(coop::unconstrained(handling.as_mut())).poll(&mut Context::from_waker(Waker::noop()))
}

/// The beginning of a method's name, kept without an allocation: the request goes with its handler, and
/// the name is wanted again only of one that was slow.
struct Name {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Name {
    const MAX: usize = slow::KEPT;

    fn new(name: &[u8]) -> Self {
        let len = name.len().min(Self::MAX);
        let mut bytes = [0; Self::MAX];
        bytes[..len].copy_from_slice(&name[..len]);
        Self { bytes, len }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
