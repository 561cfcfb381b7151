use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::target::Target;
use crate::peer::{AsCaller, Call, CallError, OneWayCall};

/// The call of one target.
pub(in crate::node) enum GatheredCall<T, E> {
    Call(Call<T, E>),
    Other(Pin<Box<dyn Future<Output = Result<T, E>> + Send>>),
    /// `None` once the error has been returned.
    Failed(Option<CallError>),
}

impl<T, E> GatheredCall<T, E> {
    /// Wraps a future. A [`Call`] is neither boxed nor hidden, so that its bytes can be counted.
    pub(super) fn new<F>(future: F) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: 'static,
    {
        let mut future = Some(future);
        let as_call = (&mut future as &mut dyn Any).downcast_mut::<Option<Call<T, E>>>();
        if let Some(call) = as_call.and_then(Option::take) {
            return Self::Call(call);
        }
        match future {
            Some(future) => Self::Other(Box::pin(future)),
            None => Self::Failed(None),
        }
    }

    /// Returns the number of bytes of the arguments that the call holds.
    pub(super) fn unsent_bytes(&self) -> usize {
        match self {
            Self::Call(call) => call.unsent_bytes(),
            Self::Other(_) | Self::Failed(_) => 0,
        }
    }

    /// Returns the runtime of the call, if it is known.
    pub(super) fn runtime(&self) -> Option<Handle> {
        match self {
            Self::Call(call) => call.runtime(),
            Self::Other(_) | Self::Failed(_) => None,
        }
    }

    /// Polls the call. `accept` is given the length of the encoded answer of a [`Call`].
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        accept: impl FnOnce(usize) -> Result<(), CallError>,
        convert: fn(CallError) -> E,
    ) -> Poll<Result<T, E>> {
        match self {
            Self::Call(call) => call.poll_accept(cx, accept),
            Self::Other(call) => call.as_mut().poll(cx),
            Self::Failed(error) => error
                .take()
                .map_or(Poll::Pending, |error| Poll::Ready(Err(convert(error)))),
        }
    }

    /// Returns the error of a call whose time is over.
    pub(super) fn timed_out(&self) -> CallError {
        match self {
            Self::Call(call) => call.timed_out(),
            Self::Failed(Some(error)) => error.clone(),
            Self::Other(_) | Self::Failed(None) => CallError::deadline_exceeded(),
        }
    }
}

/// Makes the calls of a group's targets.
pub(in crate::node) enum CallFactory<T, E> {
    None,
    Template(Box<Call<T, E>>),
    Each(Box<MakeCall<T, E>>),
}

type MakeCall<T, E> = dyn FnMut(&Target) -> GatheredCall<T, E> + Send;

impl<T, E> CallFactory<T, E> {
    pub(in crate::node) fn template(call: Call<T, E>) -> Self {
        Self::Template(Box::new(call))
    }

    pub(in crate::node) fn each<F>(mut call: impl FnMut(&Target) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: 'static,
    {
        Self::Each(Box::new(move |target| GatheredCall::new(call(target))))
    }

    pub(super) fn make(&mut self, target: &Target) -> GatheredCall<T, E> {
        match self {
            Self::Template(template) => match template.retarget(target.as_caller()) {
                Ok(call) => GatheredCall::Call(call),
                Err(error) => GatheredCall::Failed(Some(error)),
            },
            Self::Each(call) => call(target),
            // A group without a factory has no targets that need one.
            Self::None => GatheredCall::Failed(Some(CallError::Unbound)),
        }
    }
}

impl CallFactory<(), CallError> {
    pub(super) fn one_way(mut template: OneWayCall) -> Self {
        Self::Each(Box::new(move |target| {
            match template.retarget(target.as_caller()) {
                Ok(call) => GatheredCall::Other(Box::pin(call)),
                Err(error) => GatheredCall::Failed(Some(error)),
            }
        }))
    }
}
