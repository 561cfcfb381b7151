//! Calls to many targets, with their answers collected.

mod answer;
mod ready;

use std::collections::VecDeque;
use std::fmt;
use std::future::{IntoFuture, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Sleep;

pub use answer::{Answer, GatherError};

use crate::peer::{AsCaller, Call, CallError, OneWayCall};
use ready::{ReadyQueue, Slot};

/// Calls that are in progress at once, unless set otherwise.
const MAX_CONCURRENT: usize = 256;

type BoxedCall<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A group of calls under names, whose answers are collected.
///
/// Awaiting it returns one [`Answer`] per target, in order of arrival. It is also a [`Stream`] of answers, and
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
    targets: Vec<Target<T, E>>,
    /// Indexes of targets whose call has not been started, in order.
    unstarted: VecDeque<usize>,
    /// Indexes of targets to poll.
    ready: VecDeque<usize>,
    queue: Arc<ReadyQueue>,
    running: usize,
    max_concurrent: usize,
    timeout: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The timeout has passed: no more calls are started or polled.
    expired: bool,
    /// Makes the error of a target that did not answer in time.
    timed_out: fn() -> E,
}

/// A target that has not answered.
struct Target<T, E> {
    name: Arc<str>,
    state: TargetState<T, E>,
}

enum TargetState<T, E> {
    /// The call is polled with the slot's waker.
    Running(GatheredCall<T, E>, Arc<Slot>),
    Unstarted(GatheredCall<T, E>),
    Answered,
}

#[expect(
    clippy::large_enum_variant,
    reason = "most targets are calls, and a box would be one allocation for each"
)]
enum GatheredCall<T, E> {
    Call(Call<T, E>),
    Other(BoxedCall<T, E>),
    Failed(Option<E>),
}

impl<T, E: From<CallError>> Gather<T, E> {
    /// Creates an empty group.
    pub fn new() -> Self {
        Self {
            targets: Vec::new(),
            unstarted: VecDeque::new(),
            ready: VecDeque::new(),
            queue: Arc::default(),
            running: 0,
            max_concurrent: MAX_CONCURRENT,
            timeout: None,
            timer: None,
            expired: false,
            timed_out: || CallError::deadline_exceeded().into(),
        }
    }

    /// Adds a call under a name. The name is returned with the answer and need not be unique.
    pub fn add(
        self,
        name: impl Into<Arc<str>>,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Self {
        self.push(name.into(), GatheredCall::Other(Box::pin(call)))
    }

    /// Limits the group as a whole: targets that have not answered after `timeout`, counted from the first poll, fail
    /// with [`CallError::DeadlineExceeded`], and their calls are cancelled.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how many calls are in progress at once, 256 by default and at least 1. Further targets are called when others
    /// have answered.
    pub fn max_concurrent(mut self, max: usize) -> Self {
        self.max_concurrent = max.max(1);
        self
    }

    /// Returns the number of targets that have not answered.
    pub fn remaining(&self) -> usize {
        self.unstarted.len() + self.running
    }

    /// Waits for the next answer, in order of arrival. Returns `None` once every target has answered. Cancel safe.
    pub async fn next(&mut self) -> Option<Answer<T, E>> {
        poll_fn(|cx| self.poll_next_answer(cx)).await
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
        while found.len() < needed {
            if found.len() + self.remaining() < needed {
                return Err(GatherError {
                    needed,
                    succeeded: found.len(),
                    failures,
                });
            }
            let Some(Answer { from, result }) = self.next().await else {
                continue;
            };
            match result {
                Ok(value) => found.push((from, value)),
                Err(error) => failures.push((from, error)),
            }
        }
        Ok(found)
    }

    fn push(mut self, name: Arc<str>, call: GatheredCall<T, E>) -> Self {
        self.unstarted.push_back(self.targets.len());
        self.targets.push(Target {
            name,
            state: TargetState::Unstarted(call),
        });
        self
    }
}

impl<T, E> Gather<T, E> {
    fn poll_next_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer<T, E>>> {
        if let Some(timeout) = self.timeout.take() {
            self.timer = Some(Box::pin(tokio::time::sleep(timeout)));
        }
        // Registered before the queue is looked at, so that a wake in between is not lost.
        self.queue.register(cx.waker());
        while !self.expired {
            self.start();
            if self.ready.is_empty() {
                self.queue.take(&mut self.ready);
            }
            let Some(index) = self.ready.pop_front() else {
                break;
            };
            if let Some(answer) = self.poll_target(index) {
                return Poll::Ready(Some(answer));
            }
        }
        if let Some(timer) = &mut self.timer
            && !self.expired
        {
            self.expired = timer.as_mut().poll(cx).is_ready();
        }
        if self.expired {
            return Poll::Ready(self.fail_next());
        }
        if self.running == 0 {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// Starts calls up to the limit.
    fn start(&mut self) {
        while self.running < self.max_concurrent
            && let Some(index) = self.unstarted.pop_front()
        {
            let target = &mut self.targets[index];
            let state = mem::replace(&mut target.state, TargetState::Answered);
            if let TargetState::Unstarted(call) = state {
                let slot = Slot::new(index, &self.queue);
                target.state = TargetState::Running(call, slot);
                self.running += 1;
                self.ready.push_back(index);
            }
        }
    }

    fn poll_target(&mut self, index: usize) -> Option<Answer<T, E>> {
        let target = &mut self.targets[index];
        let TargetState::Running(call, slot) = &mut target.state else {
            return None;
        };
        let waker = slot.prepare();
        let Poll::Ready(result) = call.poll(&mut Context::from_waker(&waker)) else {
            return None;
        };
        target.state = TargetState::Answered;
        self.running -= 1;
        let from = Arc::clone(&target.name);
        Some(Answer { from, result })
    }

    /// Fails a target that did not answer in time, and cancels its call.
    fn fail_next(&mut self) -> Option<Answer<T, E>> {
        let position = |target: &Target<T, E>| !matches!(target.state, TargetState::Answered);
        let index = self.targets.iter().position(position)?;
        let target = &mut self.targets[index];
        match mem::replace(&mut target.state, TargetState::Answered) {
            TargetState::Running(..) => self.running -= 1,
            _ => self.unstarted.retain(|unstarted| *unstarted != index),
        }
        let from = Arc::clone(&target.name);
        let result = Err((self.timed_out)());
        Some(Answer { from, result })
    }
}

impl<T, E> GatheredCall<T, E> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        match self {
            Self::Call(call) => Pin::new(call).poll(cx),
            Self::Other(call) => call.as_mut().poll(cx),
            Self::Failed(error) => error
                .take()
                .map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
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
        self.poll_next_answer(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let remaining = self.unstarted.len() + self.running;
        (remaining, Some(remaining))
    }
}

/// Awaiting a group collects every answer, in order of arrival.
impl<T, E> IntoFuture for Gather<T, E> {
    type Output = Vec<Answer<T, E>>;
    type IntoFuture = GatherAll<T, E>;

    fn into_future(self) -> Self::IntoFuture {
        GatherAll {
            answers: Vec::with_capacity(self.targets.len()),
            group: self,
        }
    }
}

/// The future of every answer of a [`Gather`].
#[must_use = "calls are sent when the group is awaited"]
pub struct GatherAll<T, E> {
    group: Gather<T, E>,
    answers: Vec<Answer<T, E>>,
}

impl<T, E> Unpin for GatherAll<T, E> {}

impl<T, E> Future for GatherAll<T, E> {
    type Output = Vec<Answer<T, E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.group.poll_next_answer(cx) {
                Poll::Ready(Some(answer)) => self.answers.push(answer),
                Poll::Ready(None) => return Poll::Ready(mem::take(&mut self.answers)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<T, E: From<CallError>> Call<T, E> {
    /// Sends this call to several targets, instead of to its own, and collects the answers. The arguments are encoded
    /// once, however many the targets. The call's own timeout or deadline applies to each target.
    ///
    /// The call must not have been started, and must not carry streams in its arguments, which belong to one call: then
    /// every target fails with [`CallError::Encode`]. The same holds for a call changed by [`map_err`](Self::map_err) or
    /// [`err_into`](Self::err_into), which happen once: gather first.
    pub fn gather<N: Into<Arc<str>>, C: AsCaller>(
        mut self,
        targets: impl IntoIterator<Item = (N, C)>,
    ) -> Gather<T, E> {
        let mut group = Gather::new();
        for (name, target) in targets {
            let call = match self.retarget(target.as_caller()) {
                Ok(call) => GatheredCall::Call(call),
                Err(error) => GatheredCall::Failed(Some(error.into())),
            };
            group = group.push(name.into(), call);
        }
        group
    }
}

impl OneWayCall {
    /// Sends this call to several targets, instead of to its own. Each answer says whether the call was sent.
    ///
    /// The call must not have been started, and must not carry streams: then every target fails with
    /// [`CallError::Encode`].
    pub fn gather<N: Into<Arc<str>>, C: AsCaller>(
        mut self,
        targets: impl IntoIterator<Item = (N, C)>,
    ) -> Gather<()> {
        let mut group = Gather::new();
        for (name, target) in targets {
            let call = match self.retarget(target.as_caller()) {
                Ok(call) => GatheredCall::Other(Box::pin(call) as BoxedCall<_, _>),
                Err(error) => GatheredCall::Failed(Some(error)),
            };
            group = group.push(name.into(), call);
        }
        group
    }
}

impl<T, E> fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("targets", &self.targets.len())
            .field("remaining", &(self.unstarted.len() + self.running))
            .finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for GatherAll<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GatherAll").field(&self.group).finish()
    }
}
