//! Calls to many targets, with their answers collected.

mod answer;
mod calls;
mod ready_queue;
mod target;
mod template;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::runtime::Handle;

pub use answer::{Answer, GatherError};
pub(in crate::node) use calls::CallFactory;
pub use target::Target;
pub use template::{GatherTemplate, TargetCall};

use crate::peer::{AsCaller, CallError, CallLimit};
use calls::GatheredCall;
use ready_queue::{ReadyQueue, TargetWaker};
pub(in crate::node) use target::Address;
use target::{TargetSlot, TargetState};

/// Calls that are in progress at once, unless set otherwise.
const MAX_CONCURRENT: usize = 256;

/// Bytes of arguments, and bytes of answers, that a group holds, unless set otherwise.
const MAX_BYTES: usize = 64 << 20;

/// A group of calls under names, whose answers are collected.
///
/// It is a future of one [`Answer`] per target, in order of arrival. It is also a [`Stream`] of answers, and
/// [`first`](Self::first) and [`quorum`](Self::quorum) return as soon as enough targets have succeeded. Every target has
/// exactly one answer, an error included; a target that does not answer in time has [`CallError::DeadlineExceeded`].
/// A group without targets is complete at once.
///
/// No call is sent before the group is first polled. Dropping the group cancels the calls in progress.
///
/// ```
/// use std::time::Duration;
///
/// # mod chirp { pub use chirp_runtime::{node::*, peer::*}; }
/// use chirp::{Call, CallError, Gather, Peer};
///
/// # async fn gather(call: Call<u64>, beta: Peer, gamma: Peer) -> Result<(), CallError> {
/// // The same call to several peers. Its arguments are encoded once.
/// let answers = call.gather([("beta", &beta), ("gamma", &gamma)]).timeout(Duration::from_secs(1)).await;
/// for answer in &answers {
///     println!("{}: {:?}", answer.from, answer.result);
/// }
/// # Ok(()) }
/// # async fn mixed(load: Call<u64>, size: Call<u64>) -> Result<(), CallError> {
/// // Any calls of one result type, each under a name.
/// let answers = Gather::new().add("load", load).add("size", size).await;
/// # Ok(()) }
/// ```
#[must_use = "calls are sent when the group is awaited or polled as a stream"]
pub struct Gather<T, E = CallError> {
    targets: Vec<TargetSlot<T, E>>,
    /// Index of the first target whose call has not been started. Calls are started in order.
    next: usize,
    /// Makes the calls of targets that have only an address.
    factory: CallFactory<T, E>,
    /// Indexes of targets to poll.
    ready: VecDeque<usize>,
    queue: Arc<ReadyQueue>,
    running: usize,
    /// The bytes of the arguments of calls in progress.
    running_bytes: usize,
    max_concurrent: usize,
    max_bytes: usize,
    limit: CallLimit,
    is_limit_armed: bool,
    /// Once the timeout has passed, the index of the next target to fail. No more calls are started or polled.
    expired: Option<usize>,
    /// Converts the errors of calls that were not made or did not answer.
    convert: fn(CallError) -> E,
    /// The answers that the future has collected, and their bytes.
    collected: Vec<Answer<T, E>>,
    collected_bytes: usize,
}

impl<T, E: From<CallError>> Gather<T, E> {
    /// Creates an empty group.
    pub fn new() -> Self {
        Self::of(CallFactory::None, [])
    }

    /// Creates a group whose targets are called each with a call of its own, for calls with streams among their
    /// arguments, or with other arguments for each target.
    ///
    /// `call` is given the [`Target`], from which clients can be created. It is called once for each target, when the
    /// target's call is started, in order; so no more than [`max_concurrent`](Self::max_concurrent) calls hold their
    /// arguments at once.
    ///
    /// ```
    /// # mod chirp { pub use chirp_runtime::{node::*, peer::*}; }
    /// use chirp::{AsCaller, Gather, Peer};
    ///
    /// # async fn store(peers: Vec<(String, Peer)>) {
    /// let answers = Gather::each(peers, |target| {
    ///     let file = format!("contents for {}", target.name());
    ///     target.as_caller().call("Files.store", file)
    /// })
    /// .await;
    /// # }
    /// ```
    pub fn each<N, C, F>(
        targets: impl IntoIterator<Item = (N, C)>,
        call: impl FnMut(&Target) -> F + Send + 'static,
    ) -> Self
    where
        N: Into<Arc<str>>,
        C: AsCaller,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: 'static,
    {
        let targets = targets.into_iter().map(Address::new);
        Self::of(CallFactory::each(call), targets)
    }

    /// Creates a group of targets whose calls are made by `factory`.
    pub(super) fn of(
        factory: CallFactory<T, E>,
        targets: impl IntoIterator<Item = Address>,
    ) -> Self {
        Self {
            targets: targets.into_iter().map(TargetSlot::addressed).collect(),
            next: 0,
            factory,
            ready: VecDeque::new(),
            queue: Arc::default(),
            running: 0,
            running_bytes: 0,
            max_concurrent: MAX_CONCURRENT,
            max_bytes: MAX_BYTES,
            limit: CallLimit::None,
            is_limit_armed: false,
            expired: None,
            convert: E::from,
            collected: Vec::new(),
            collected_bytes: 0,
        }
    }

    /// Adds a call under a name. The name is returned with the answer and need not be unique.
    pub fn add(
        mut self,
        name: impl Into<Arc<str>>,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Self
    where
        T: 'static,
        E: 'static,
    {
        let call = GatheredCall::new(call);
        self.targets.push(TargetSlot::unstarted(name.into(), call));
        self
    }

    /// Limits the group as a whole: targets that have not answered after `timeout`, counted from the first poll, fail
    /// with [`CallError::DeadlineExceeded`], and their calls are cancelled.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limit = CallLimit::Timeout(timeout);
        self.is_limit_armed = false;
        self
    }

    /// Sets how many calls are in progress at once, 256 by default and at least 1. Further targets are called when others
    /// have answered.
    pub fn max_concurrent(mut self, max: usize) -> Self {
        self.max_concurrent = max.max(1);
        self
    }

    /// Sets how many bytes the group holds, 64 MiB by default. The limit applies to two sums:
    ///
    /// - The encoded arguments of the calls in progress. Further targets are called when others have answered. One call
    ///   is in progress whatever its size.
    /// - The encoded answers that are collected when the group is awaited, or by [`first`](Self::first) or
    ///   [`quorum`](Self::quorum). An answer over the limit is discarded, and its target fails with
    ///   [`CallError::GroupTooLarge`]. Answers that are taken one by one, by [`next`](Self::next) or as a stream, are
    ///   not counted.
    ///
    /// Only calls are counted, and not other futures that are given to [`add`](Self::add) or [`each`](Self::each).
    pub fn max_bytes(mut self, max: usize) -> Self {
        self.max_bytes = max;
        self
    }

    /// Returns the number of targets that have not answered.
    pub fn remaining(&self) -> usize {
        self.unanswered()
    }

    /// Waits for the next answer, in order of arrival. Returns `None` once every target has answered. Cancel safe.
    pub async fn next(&mut self) -> Option<Answer<T, E>> {
        let mut room = usize::MAX;
        poll_fn(|cx| self.poll_next_answer(cx, &mut room)).await
    }

    /// Waits for the first success and cancels the other calls.
    ///
    /// # Errors
    ///
    /// [`GatherError`] with the error of every target, if none succeeded.
    pub async fn first(self) -> Result<(Arc<str>, T), GatherError<E>> {
        let mut found = self.quorum(1).await?;
        Ok(found.swap_remove(0))
    }

    /// Waits for `needed` successes and cancels the other calls.
    ///
    /// # Errors
    ///
    /// [`GatherError`] with the errors so far, as soon as too few targets are left to reach `needed`.
    pub async fn quorum(mut self, needed: usize) -> Result<Vec<(Arc<str>, T)>, GatherError<E>> {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        let mut room = self.max_bytes;
        while found.len() < needed {
            if found.len() + self.remaining() < needed {
                return Err(GatherError {
                    needed,
                    succeeded: found.len(),
                    failures,
                });
            }
            let answer = poll_fn(|cx| self.poll_next_answer(cx, &mut room)).await;
            let Some(Answer { from, result }) = answer else {
                continue;
            };
            match result {
                Ok(value) => found.push((from, value)),
                Err(error) => failures.push((from, error)),
            }
        }
        Ok(found)
    }
}

impl<T, E> Gather<T, E> {
    fn unanswered(&self) -> usize {
        self.targets.len() - self.next + self.running
    }

    /// Polls for the next answer. The answer is taken from `room`, the bytes that the caller has room for.
    fn poll_next_answer(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut usize,
    ) -> Poll<Option<Answer<T, E>>> {
        if !self.is_limit_armed {
            self.arm();
        }
        // Registered before the queue is looked at, so that a wake in between is not lost.
        self.queue.register(cx.waker());
        while self.expired.is_none() {
            self.start();
            if self.ready.is_empty() {
                self.queue.take(&mut self.ready);
            }
            let Some(index) = self.ready.pop_front() else {
                break;
            };
            if let Some(answer) = self.poll_target(index, room) {
                return Poll::Ready(Some(answer));
            }
        }
        if self.expired.is_none() && self.limit.poll(cx).is_ready() {
            self.expired = Some(0);
        }
        if let Some(first) = self.expired {
            return Poll::Ready(self.fail_next(first));
        }
        if self.running == 0 {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// Starts the timer, on the runtime of a target, so that the group may be awaited on any executor.
    fn arm(&mut self) {
        self.is_limit_armed = true;
        if let CallLimit::None = self.limit {
            return;
        }
        let runtime = match Handle::try_current() {
            Ok(_) => None,
            Err(_) => self
                .targets
                .iter()
                .find_map(|target| target.state.runtime()),
        };
        self.limit.arm(runtime.as_ref());
    }

    /// Starts calls up to the limits.
    fn start(&mut self) {
        while self.running < self.max_concurrent
            && let Some(target) = self.targets.get_mut(self.next)
        {
            let index = self.next;
            // Advanced first: if the program's code panics, its target is not started again.
            self.next += 1;
            let Some(call) = target.take_call(&mut self.factory) else {
                continue;
            };
            let bytes = call.unsent_bytes();
            if self.running > 0 && bytes > self.max_bytes.saturating_sub(self.running_bytes) {
                target.state = TargetState::Unstarted(call);
                self.next = index;
                return;
            }
            target.state = TargetState::Running {
                call,
                waker: TargetWaker::new(index, &self.queue),
                bytes,
            };
            self.running += 1;
            self.running_bytes += bytes;
            self.ready.push_back(index);
        }
    }

    fn poll_target(&mut self, index: usize, room: &mut usize) -> Option<Answer<T, E>> {
        let target = &mut self.targets[index];
        let TargetState::Running { call, waker, bytes } = &mut target.state else {
            return None;
        };
        let (waker, bytes, limit) = (waker.prepare(), *bytes, self.max_bytes);
        let accept = |arrived| {
            *room = room
                .checked_sub(arrived)
                .ok_or(CallError::GroupTooLarge { limit })?;
            Ok(())
        };
        let polled = call.poll(&mut Context::from_waker(&waker), accept, self.convert);
        let Poll::Ready(result) = polled else {
            return None;
        };
        target.state = TargetState::Answered;
        self.running -= 1;
        self.running_bytes -= bytes;
        let from = Arc::clone(&target.name);
        Some(Answer { from, result })
    }

    /// Fails the next target from index `first` on that did not answer in time, and cancels its call.
    fn fail_next(&mut self, first: usize) -> Option<Answer<T, E>> {
        let is_unanswered = |target: &TargetSlot<T, E>| !target.is_answered();
        let found = self.targets[first..].iter().position(is_unanswered);
        let index = first + found?;
        self.expired = Some(index + 1);
        let target = &mut self.targets[index];
        let state = mem::replace(&mut target.state, TargetState::Answered);
        if let TargetState::Running { .. } = state {
            self.running -= 1;
        } else {
            self.next = index + 1;
        }
        let from = Arc::clone(&target.name);
        let result = Err((self.convert)(state.timed_out()));
        Some(Answer { from, result })
    }
}

impl<T, E: From<CallError>> Default for Gather<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Unpin for Gather<T, E> {}

impl<T, E> Stream for Gather<T, E> {
    type Item = Answer<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut room = usize::MAX;
        self.poll_next_answer(cx, &mut room)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.unanswered(), Some(self.unanswered()))
    }
}

/// Collects every answer that was not taken one by one, in order of arrival.
impl<T, E> Future for Gather<T, E> {
    type Output = Vec<Answer<T, E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut room = self.max_bytes.saturating_sub(self.collected_bytes);
            let before = room;
            let polled = self.poll_next_answer(cx, &mut room);
            self.collected_bytes += before - room;
            match ready!(polled) {
                Some(answer) => {
                    if self.collected.is_empty() {
                        let rest = 1 + self.unanswered();
                        self.collected.reserve(rest);
                    }
                    self.collected.push(answer);
                }
                None => return Poll::Ready(mem::take(&mut self.collected)),
            }
        }
    }
}

impl<T, E> fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("targets", &self.targets.len())
            .field("remaining", &self.unanswered())
            .finish_non_exhaustive()
    }
}
