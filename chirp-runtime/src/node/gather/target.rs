use std::mem;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::calls::{CallFactory, GatheredCall};
use super::ready_queue::TargetWaker;
use crate::peer::{AsCaller, CallError, Caller};

/// One target of a group: a name, and the caller that reaches it.
///
/// Clients can be created from it.
#[derive(Clone, Debug)]
pub struct Target {
    name: Arc<str>,
    caller: Caller,
}

impl Target {
    /// Returns the target's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl AsCaller for Target {
    fn as_caller(&self) -> Caller {
        self.caller.clone()
    }
}

/// The name of a target, with its caller or the reason why it cannot be called.
#[derive(Clone, Debug)]
pub(in crate::node) struct Address {
    pub(in crate::node) name: Arc<str>,
    pub(in crate::node) caller: Result<Caller, CallError>,
}

impl Address {
    pub(in crate::node) fn new<N: Into<Arc<str>>, C: AsCaller>((name, target): (N, C)) -> Self {
        Self {
            name: name.into(),
            caller: Ok(target.as_caller()),
        }
    }
}

/// A target of a group, with the state of its call.
pub(super) struct TargetSlot<T, E> {
    pub(super) name: Arc<str>,
    pub(super) state: TargetState<T, E>,
}

pub(super) enum TargetState<T, E> {
    /// The call is made when it is started.
    Addressed(Result<Caller, CallError>),
    Unstarted(GatheredCall<T, E>),
    /// The call is polled with the target's waker.
    Running {
        call: GatheredCall<T, E>,
        waker: Arc<TargetWaker>,
        /// The bytes of the arguments.
        bytes: usize,
    },
    Answered,
}

impl<T, E> TargetSlot<T, E> {
    pub(super) fn addressed(address: Address) -> Self {
        Self {
            name: address.name,
            state: TargetState::Addressed(address.caller),
        }
    }

    pub(super) fn unstarted(name: Arc<str>, call: GatheredCall<T, E>) -> Self {
        Self {
            name,
            state: TargetState::Unstarted(call),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.state, TargetState::Answered)
    }

    /// Takes the call of a target that has not been started, or makes it.
    pub(super) fn take_call(
        &mut self,
        factory: &mut CallFactory<T, E>,
    ) -> Option<GatheredCall<T, E>> {
        match mem::replace(&mut self.state, TargetState::Answered) {
            TargetState::Unstarted(call) => Some(call),
            TargetState::Addressed(Ok(caller)) => {
                let name = Arc::clone(&self.name);
                Some(factory.make(&Target { name, caller }))
            }
            TargetState::Addressed(Err(error)) => Some(GatheredCall::Failed(Some(error))),
            TargetState::Running { .. } | TargetState::Answered => None,
        }
    }
}

impl<T, E> TargetState<T, E> {
    /// Returns the runtime of the target's connection, if it is known.
    pub(super) fn runtime(&self) -> Option<Handle> {
        match self {
            Self::Addressed(Ok(caller)) => caller.runtime(),
            Self::Unstarted(call) | Self::Running { call, .. } => call.runtime(),
            Self::Addressed(Err(_)) | Self::Answered => None,
        }
    }

    /// Returns the error of a target that did not answer in time.
    pub(super) fn timed_out(&self) -> CallError {
        match self {
            Self::Running { call, .. } | Self::Unstarted(call) => call.timed_out(),
            Self::Addressed(Err(error)) => error.clone(),
            Self::Addressed(Ok(_)) | Self::Answered => CallError::deadline_exceeded(),
        }
    }
}
