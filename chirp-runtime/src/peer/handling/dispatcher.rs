use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::coop;
use tokio::time::Instant as Deadline;

use crate::packet::{self, Fault};
use crate::peer::calling::caller::Link;
use crate::peer::connection::Connection;
use crate::peer::guard;
use crate::peer::handling::completion::into_wire;
use crate::peer::handling::dispatch::{self, BUDGET, Inside};
use crate::peer::handling::lane::{Begun, Lane, Taken};
use crate::peer::handling::serving::Serving;
use crate::peer::handling::slow;
use crate::peer::handling::task::{self, HandlerTask};
use crate::peer::state::{After, State};
use crate::peer::streaming::arrived::{Arrived, Came};
use crate::peer::task::spawn;
use crate::peer::watching::span::Span;
use crate::peer::writer::Turn;
use crate::peer::{CallContext, Handler, Handling, Reply, Request};
use crate::session::{Carrier, RunKey};

/// Requests that one turn of a dispatcher begins before it lets the rest of the program run.
const TURN: usize = 64;

impl Connection {
    /// Starts a dispatcher in place of one that is inside a handler for long.
    fn start_next_dispatcher(self: &Arc<Self>, previous: Option<Inside>) {
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

    fn spawn_dispatcher(self: &Arc<Self>, previous: Option<Inside>) {
        let connection = Arc::clone(self);
        let state = self.lock();
        let dispatcher = Dispatcher {
            connection,
            lane: Arc::clone(&state.dispatch.lane),
            progress: Arc::clone(&state.dispatch.progress),
            serving: None,
            after: After::default(),
            previous,
            started: false,
        };
        drop(state);
        spawn(&self.runtime, dispatcher);
    }
}

/// The task that begins handlers, in order of arrival, and polls each once in place.
struct Dispatcher {
    connection: Arc<Connection>,
    /// Its claim to the queue, and what it has taken from there.
    lane: Arc<Mutex<Lane>>,
    progress: Arc<AtomicU64>,
    /// Who answers what it has taken.
    serving: Option<Arc<Serving>>,
    after: After,
    /// The handler that its predecessor is inside of, which has its time first.
    previous: Option<Inside>,
    started: bool,
}

/// What a dispatcher does next.
enum Next {
    /// There is something in its lane.
    Begin,
    /// This, and nothing else after it.
    Slow(Work),
    /// There is nothing to do.
    Idle,
    /// Another dispatcher does it.
    Gone,
}

/// A handler that is to begin.
struct Work {
    run: RunKey,
    request: packet::Request,
    deadline: Option<Deadline>,
    came: Option<Came>,
    inside: Inside,
    slow: bool,
}

impl Work {
    fn new(taken: Taken, inside: Inside, slow: bool) -> Self {
        let Taken {
            run,
            request,
            deadline,
            came,
            ..
        } = taken;
        Self {
            run,
            request,
            deadline,
            came,
            inside,
            slow,
        }
    }
}

impl State {
    /// Hands over what a dispatcher has done, and fills its lane with up to `count` requests.
    fn fill(
        &mut self,
        lane: &mut Lane,
        count: usize,
        serving: &mut Option<Arc<Serving>>,
        after: &mut After,
    ) -> Next {
        self.commit(lane, after);
        if lane.is_lost() || self.end.is_some() || self.serving.is_none() {
            return Next::Gone;
        }
        if self.session.lacks_room_for_answers() {
            self.put_back(lane);
            self.dispatch.idle = true;
            return Next::Idle;
        }
        while lane.waiting() < count
            && let Some((run, request)) = self.queue.pop_front()
        {
            if !self.session.is_wanted(run) {
                self.forget_deadline(run);
                self.session.finish(run);
                after.aborts.extend(self.runs.take(run));
                after.unwanted.push(request);
                drop(self.streams.take_run(run));
                continue;
            }
            let slow = self.dispatch.slow.contains(request.method());
            if slow && lane.waiting() > 0 {
                // Those before it begin first.
                self.queue.push_front((run, request));
                break;
            }
            self.dispatch.count += 1;
            let taken = Taken {
                run,
                request,
                deadline: self.forget_deadline(run),
                number: self.dispatch.count,
                came: self.streams.take_run(run),
            };
            if slow {
                self.dispatch.pass_on(lane);
                let inside = Inside {
                    number: taken.number,
                    since: Instant::now(),
                };
                serving.clone_from(&self.serving);
                return Next::Slow(Work::new(taken, inside, true));
            }
            lane.take(taken);
        }
        if lane.waiting() == 0 {
            self.dispatch.idle = true;
            return Next::Idle;
        }
        serving.clone_from(&self.serving);
        Next::Begin
    }
}

impl Dispatcher {
    /// Hands over what has been done, and takes requests: one lock for both. Where there is nothing to do
    /// next, it writes.
    fn fill(&mut self, count: usize) -> Next {
        let Self {
            connection,
            lane,
            serving,
            after,
            ..
        } = self;
        // Routes may have changed since the last time, and what is dropped of them is the program's.
        if serving.is_some() {
            guard::discard(serving.take());
        }
        let (next, turn) = connection.with_after(after, |state, after| {
            let next = state.fill(&mut dispatch::lock(lane), count, serving, after);
            let turn = match next {
                Next::Idle | Next::Gone => connection.take_turn(state),
                Next::Begin | Next::Slow(_) => None,
            };
            (next, turn)
        });
        if let Some(turn) = turn {
            connection.write(turn);
        }
        next
    }

    /// Begins the requests that were taken. How many. `spent` is how much time its turn has taken.
    fn work(&mut self, spent: &mut Duration) -> usize {
        let mut now = Instant::now();
        let mut begun = None;
        let mut count = 0;
        loop {
            let mut lane = dispatch::lock(&self.lane);
            let homeless = begun.and_then(|begun| lane.leave(begun));
            let next = if *spent > BUDGET {
                None
            } else {
                lane.begin(now)
            };
            drop(lane);
            if let Some(begun) = homeless {
                self.settle(begun);
            }
            let Some((taken, inside)) = next else {
                return count;
            };
            let (what, when) = self.begin(Work::new(taken, inside, false));
            *spent += when - now;
            (begun, now) = (Some(what), when);
            count += 1;
        }
    }

    /// Does what follows from a handler's first poll, when the queue has another dispatcher.
    fn settle(&mut self, begun: Begun) {
        self.connection
            .with_after(&mut self.after, |state, after| match begun {
                Begun::Replied(Some((run, code, mut data))) => {
                    state.complete(run, code, &mut data, after);
                    after.spent.push(data);
                    after.wake_writer |= state.turn == Turn::Free && state.session.has_output();
                }
                Begun::Replied(None) => {}
                Begun::Waits(run, task) => state.put_task(run, task, after),
            });
    }

    /// Begins a handler and polls it once. What came of it, and when that was over.
    fn begin(&mut self, work: Work) -> (Begun, Instant) {
        let Work {
            run,
            request,
            deadline,
            came,
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
            let serving = self.serving.as_deref()?;
            let arrived = came.map(|came| Arrived::new(&link, Carrier::Run(run), came));
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
                return (self.spawn(run, handling, span), now);
            }
            (Ok(Some(Poll::Ready(reply))), handling) => {
                task::drop_caught(handling);
                reply
            }
            (Err(panic), handling) => {
                task::drop_caught(handling);
                task::panicked(panic)
            }
            // There is always somebody who answers what was taken.
            (Ok(_), _) => Fault::NoAnswer.into(),
        };
        let mut reply = into_wire(run, reply).map(|(code, data)| (run, code, data));
        if let Some((run, code, data)) = reply.take_if(|(.., data)| data.has_attachments()) {
            self.connection.complete_with(run, code, data);
        }
        (Begun::Replied(reply), now)
    }

    /// Gives a handler that has to wait a task of its own.
    fn spawn(&self, run: RunKey, handling: Handling, span: Span) -> Begun {
        let connection = &self.connection;
        let task = HandlerTask::new(Arc::clone(connection), run, handling, span);
        Begun::Waits(run, connection.runtime.spawn(task).abort_handle())
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
                Next::Begin => left = left.saturating_sub(self.work(&mut spent)),
                Next::Slow(work) => {
                    let (begun, _) = self.begin(work);
                    self.settle(begun);
                }
                Next::Idle => return Poll::Pending,
                Next::Gone => return Poll::Ready(()),
            }
        }
        let Self {
            connection,
            lane,
            after,
            ..
        } = &mut *self;
        connection.with_after(after, |state, after| {
            state.commit(&mut dispatch::lock(lane), after);
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
