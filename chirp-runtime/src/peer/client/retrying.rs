use std::mem;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::codec::CodecId;
use crate::packet::{FrameworkError, Payload};
use crate::peer::client::caller::CallTarget;
use crate::peer::client::connection_source::{CallPermit, ConnectionSource, ConnectionWait};
use crate::peer::client::limit::CallLimit;
use crate::peer::{Backoff, CallError, Caller, MethodName, RetryPolicy};

/// How many more times an idempotent call without a policy is sent at once after its connection has ended. A call that
/// ends every connection must not be sent forever.
const RESENDS: u8 = 2;

/// The same for a call with a policy, which then decides.
const RESENDS_BEFORE_POLICY: u8 = 1;

/// The state for sending a call again: on another connection, or after a pause.
///
/// Calls of reconnecting clients and calls with a policy have one; others are sent once, and keep nothing.
#[derive(Default)]
pub(in crate::peer) struct Retry {
    /// The source of connections. Weak: a call in progress does not keep its client's reconnection alive.
    route: Option<Weak<dyn ConnectionSource>>,
    /// An idempotent call may be sent again although it may have run, so it does keep it alive.
    keeps: Option<Arc<dyn ConnectionSource>>,
    /// The call may be sent again although it may have run.
    repeats: bool,
    /// How many more times it is then sent at once.
    left: u8,
    /// `None` before the call is sent for the first time, and if the arguments contain stream halves: these belong to one
    /// connection, so the call is sent once.
    params: Option<Bytes>,
    /// The item codec, if the result is a stream.
    streams: Option<CodecId>,
    /// Counts the call at the source of its connection.
    permit: Option<CallPermit>,
    /// The last error after which the call may have run.
    lost: Option<CallError>,
    /// Until when the call is sent again because it has not run.
    until: Option<Instant>,
    /// The call was given to a connection.
    sent: bool,
    attempts: Option<Box<Attempts>>,
    layers: LayerPosition,
    prepared: bool,
}

/// Where the layers of a call are, if they are between a policy and the source of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum LayerPosition {
    #[default]
    Elsewhere,
    /// Inside of a call that is repeated by its policy.
    AroundSource,
    /// Outside of a call, of which each is one attempt of a policy.
    WithinPolicy,
}

/// The policy of a call, and what remains of it.
struct Attempts {
    policy: RetryPolicy,
    pauses: Backoff,
    /// How often the call has been sent, apart from what the connections of a reconnecting client did.
    made: u32,
    /// The target, once the call is sent for the first time.
    target: Option<Caller>,
}

/// How a call goes on after an error.
pub(in crate::peer) enum Next {
    Connect(ConnectionWait),
    Pause(Pause),
}

/// The time between two attempts.
pub(in crate::peer) struct Pause {
    timer: CallLimit,
    runtime: Handle,
    /// The error of the last attempt.
    error: CallError,
}

impl Retry {
    /// Creates the state of a call that has a policy and was not sent.
    pub(in crate::peer) fn with_policy(policy: RetryPolicy) -> Box<Self> {
        Box::new(Self {
            attempts: Some(Box::new(Attempts::new(policy))),
            ..Self::default()
        })
    }

    /// Creates the state of a call that a policy repeats from outside of its layers.
    pub(in crate::peer) fn without_policy() -> Box<Self> {
        Box::new(Self {
            layers: LayerPosition::WithinPolicy,
            ..Self::default()
        })
    }

    pub(in crate::peer) fn has_policy(&self) -> bool {
        self.attempts.is_some()
    }

    /// Returns the state of another call that is made from the same template.
    pub(in crate::peer) fn for_template(&self) -> Option<Box<Self>> {
        let attempts = self.attempts.as_ref()?;
        Some(Self::with_policy(attempts.policy.clone()))
    }

    /// Keeps what is needed to send the call again, the first time that it is sent.
    pub(in crate::peer) fn prepare(
        &mut self,
        target: &CallTarget,
        params: &mut Payload,
        streams: Option<CodecId>,
        idempotent: bool,
    ) {
        if mem::replace(&mut self.prepared, true) {
            return;
        }
        self.streams = streams;
        if params.has_attachments() {
            return;
        }
        let bytes = mem::take(params).into_bytes();
        *params = bytes.clone().into();
        self.params = Some(bytes);
        self.repeats = idempotent && streams.is_none();
        if let CallTarget::Routed(route) = target {
            self.route = Some(Arc::downgrade(route));
            self.keeps = self.repeats.then(|| Arc::clone(route));
            if self.attempts.is_none()
                && self.layers != LayerPosition::WithinPolicy
                && let Some(policy) = route.retry_policy()
            {
                self.attempts = Some(Box::new(Attempts::new(policy.clone())));
            }
        }
        if let CallTarget::Indirect(target) = target
            && let Some(chain) = target.layers()
            && let CallTarget::Routed(_) = chain.caller().target()
        {
            self.layers = LayerPosition::AroundSource;
        }
        self.left = match self.layers {
            LayerPosition::WithinPolicy => 0,
            _ => RESENDS,
        };
        if let Some(attempts) = &mut self.attempts {
            self.left = RESENDS_BEFORE_POLICY;
            attempts.target = Some(Caller(target.clone()));
            attempts.policy.count_call();
        }
    }

    /// Counts the call until [`release`](Self::release) at the source of the connection that it is about to use.
    pub(in crate::peer) fn hold(&mut self, permit: Option<CallPermit>) {
        self.permit = permit;
    }

    pub(in crate::peer) fn release(&mut self) -> Option<CallPermit> {
        self.permit.take()
    }

    /// Records whether a connection has accepted the call.
    pub(in crate::peer) fn note_sent(&mut self, sent: bool) {
        self.sent = sent;
    }

    /// Returns how the call goes on after `error`, or `None` if this is its outcome.
    #[cold]
    pub(in crate::peer) fn next(
        &mut self,
        method: &MethodName,
        error: &CallError,
        limit: &CallLimit,
    ) -> Option<Next> {
        let params = self.params.clone()?;
        if let CallError::ConnectionLost(_) = error
            && self.sent
        {
            self.lost = Some(error.clone());
        }
        if let Some(route) = self.find(error, limit.is_running()) {
            drop(self.permit.take());
            let (method, streams) = (method.clone(), self.streams);
            let wait =
                ConnectionWait::new(&route, limit.is_running(), method, params.into(), streams);
            return Some(Next::Connect(wait.after_loss(self.lost.is_some())));
        }
        let pause = self.pause(error, limit)?;
        drop(self.permit.take());
        Some(Next::Pause(pause))
    }

    /// Returns the source of another connection if the call is sent there at once: `error` says that it has not run, or
    /// the connection ended and the call is idempotent.
    fn find(&mut self, error: &CallError, is_timed: bool) -> Option<Arc<dyn ConnectionSource>> {
        let route = self.route.as_ref()?.upgrade()?;
        match error {
            CallError::ConnectionLost(_) if self.sent => {
                self.keeps.as_ref()?;
                self.left = self.left.checked_sub(1)?;
            }
            CallError::ConnectionLost(_)
            | CallError::Rejected {
                reason: FrameworkError::ShuttingDown,
                ..
            } => {
                if !is_timed && self.is_late(&*route) {
                    return None;
                }
            }
            _ => return None,
        }
        Some(route)
    }

    /// Returns `true` if a call without a timeout has been sent again for long enough. A peer that accepts connections
    /// and refuses every call must not be asked forever.
    fn is_late(&mut self, route: &dyn ConnectionSource) -> bool {
        let _entered = route.runtime().enter();
        let now = Instant::now();
        if let Some(until) = self.until {
            return now >= until;
        }
        self.until = now.checked_add(route.max_wait());
        false
    }

    /// Returns the pause before the next attempt, if the policy allows one.
    fn pause(&mut self, error: &CallError, limit: &CallLimit) -> Option<Pause> {
        let attempts = self.attempts.as_mut()?;
        let source_inside = self.layers == LayerPosition::AroundSource;
        let is_lost = matches!(error, CallError::ConnectionLost(_));
        let is_safe = error.is_safe_to_retry() || is_lost && !self.sent;
        let may_succeed = match error {
            CallError::ConnectionLost(_)
            | CallError::Rejected {
                reason: FrameworkError::ShuttingDown,
                ..
            } => self.route.is_some() || source_inside,
            CallError::DeadlineExceeded { .. } => false,
            error => error.is_transient(),
        };
        if !may_succeed || !(is_safe || self.repeats) {
            return None;
        }
        let runtime = attempts.target.as_ref()?.runtime()?;
        let _entered = runtime.enter();
        let pause = if is_lost && source_inside && self.left > 0 {
            // Inside of its layers, the call could not be sent again at once.
            self.left -= 1;
            Duration::ZERO
        } else {
            attempts.next_pause(limit)?
        };
        let mut timer = CallLimit::Timeout(pause);
        timer.arm(Some(&runtime));
        Some(Pause {
            timer,
            runtime: runtime.clone(),
            error: error.clone(),
        })
    }

    /// Returns what the next attempt sends, after a pause.
    pub(in crate::peer) fn resend(&self) -> Option<(Caller, Payload, Option<CodecId>)> {
        let target = self.attempts.as_ref()?.target.clone()?;
        Some((target, self.params.clone()?.into(), self.streams))
    }

    /// Makes the next error the outcome of the call.
    pub(in crate::peer) fn give_up(&mut self) {
        self.params = None;
    }

    /// Returns the final error of the call. If an earlier attempt may have run, the error of that attempt takes
    /// precedence.
    pub(in crate::peer) fn fail(&mut self, error: CallError) -> CallError {
        match self.lost.take() {
            Some(lost) if !error.may_have_run() => lost,
            _ => error,
        }
    }
}

impl Attempts {
    fn new(policy: RetryPolicy) -> Self {
        Self {
            pauses: policy.pauses(),
            policy,
            made: 1,
            target: None,
        }
    }

    /// Returns the pause before the next attempt: there must be one left, with enough time and budget.
    fn next_pause(&mut self, limit: &CallLimit) -> Option<Duration> {
        if self.made >= self.policy.most() {
            return None;
        }
        let pause = self.pauses.pause();
        if limit.time_left().is_some_and(|left| left <= pause) {
            return None;
        }
        if !self.policy.pay(Instant::now()) {
            return None;
        }
        self.made += 1;
        Some(pause)
    }
}

impl Pause {
    /// Waits for the end of the pause.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, if the runtime of the timer has stopped.
    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        if self.timer.poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if self.timer.is_running() {
            return Poll::Pending;
        }
        Poll::Ready(Err(self.error.clone()))
    }

    pub(in crate::peer) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Returns the error of the last attempt.
    pub(in crate::peer) fn error(&self) -> CallError {
        self.error.clone()
    }
}
