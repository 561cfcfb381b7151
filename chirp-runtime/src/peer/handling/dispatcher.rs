use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::task::coop;
use tokio::time::Instant as Deadline;

use crate::packet::{self, Fault, Payload, ResultCode};
use crate::peer::calling::caller::Link;
use crate::peer::connection::{Connection, into_wire, recycle};
use crate::peer::handling::dispatch::{BUDGET, Inside};
use crate::peer::handling::serving::Serving;
use crate::peer::handling::slow;
use crate::peer::handling::task::{self, HandlerTask};
use crate::peer::state::{After, State};
use crate::peer::watching::span::Span;
use crate::peer::{CallContext, Handler, Handling, Reply, Request};
use crate::session::RunKey;

/// Requests that one turn of a dispatcher begins before it lets the rest of the program run.
const TURN: usize = 64;

impl Connection {
    /// Starts a dispatcher in place of one that is inside a handler for long.
    fn start_next_dispatcher(self: &Arc<Self>, previous: Option<Inside>) {
        self.spawn_dispatcher(previous);
        // The task that a worker woke last waits for that worker, which may be busy for long, and wakes no
        // other. One more after it does: any worker may take the first, and one will wait for I/O again.
        self.runtime.spawn(async {});
    }

    /// Starts a dispatcher in place of one that has lost its claim.
    pub(in crate::peer) fn take_over(self: &Arc<Self>) {
        self.start_next_dispatcher(None);
    }

    pub(in crate::peer) fn start_dispatcher(self: &Arc<Self>) {
        self.spawn_dispatcher(None);
    }

    fn spawn_dispatcher(self: &Arc<Self>, previous: Option<Inside>) {
        let connection = Arc::clone(self);
        let state = self.lock();
        let dispatcher = Dispatcher {
            connection,
            seat: Seat {
                epoch: state.dispatch.epoch,
                inside: None,
            },
            progress: Arc::clone(&state.dispatch.progress),
            previous,
            started: false,
        };
        drop(state);
        self.runtime.spawn(dispatcher);
    }
}

/// The task that begins handlers, in order of arrival, and polls each once in place.
struct Dispatcher {
    connection: Arc<Connection>,
    seat: Seat,
    progress: Arc<AtomicU64>,
    /// The handler that its predecessor is inside of, which has its time first.
    previous: Option<Inside>,
    started: bool,
}

/// A dispatcher's claim to the queue.
struct Seat {
    epoch: u64,
    /// The call that its dispatcher is inside of.
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

impl Seat {
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
        unwanted: &mut Vec<packet::Request>,
        after: &mut After,
    ) -> Next {
        if state.dispatch.epoch != self.epoch || state.end.is_some() {
            return Next::Gone;
        }
        while let Some((run, request)) = state.queue.pop_front() {
            if !state.session.is_wanted(run) {
                state.forget_deadline(run);
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
            let deadline = state.forget_deadline(run);
            let slow = state.dispatch.slow.contains(request.method());
            state.dispatch.count += 1;
            let inside = Inside {
                number: state.dispatch.count,
                since: Instant::now(),
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
}

impl Dispatcher {
    /// Answers what was begun last, and takes the next request: one lock for both.
    fn next(&mut self, mut done: Option<(ResultCode, Payload)>) -> Next {
        let mut unwanted = Vec::new();
        let Self {
            connection, seat, ..
        } = self;
        let next = connection.with(|state, after| {
            seat.leave(state, &mut done, after);
            seat.take(state, &mut unwanted, after)
        });
        if let Some((_, data)) = done {
            recycle(data);
        }
        drop(unwanted);
        next
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
        let over = inside.since.elapsed() > BUDGET;
        if slow || over {
            let mut state = self.connection.lock();
            state.dispatch.slow.note(method.as_bytes(), over);
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
                    let (run, inside) = (work.run, work.inside);
                    let reply = self.begin(work);
                    done = reply.and_then(|reply| into_wire(run, reply));
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
        let Self {
            connection, seat, ..
        } = &mut *self;
        connection.with(|state, after| seat.leave(state, &mut done, after));
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
