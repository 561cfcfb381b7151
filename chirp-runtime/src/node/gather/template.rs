use std::pin::Pin;
use std::sync::Arc;

use super::Gather;
use super::calls::CallFactory;
use super::target::Address;
use crate::node::Targets;
use crate::peer::{AsCaller, Call, CallError, OneWayCall};

impl<T, E: From<CallError>> Call<T, E> {
    /// Sends this call to several targets, instead of to its own, and collects the answers. The arguments are encoded
    /// once, however many the targets. The call's own timeout or deadline applies to each target.
    ///
    /// Every client makes templates, also one without a connection: `AgentClient::unbound()`.
    ///
    /// The call must not have been started, and must not have stream halves among its arguments, which belong to one
    /// call: use [`Gather::each`] for these. Otherwise every target fails with [`CallError::NotTemplate`]. The same holds
    /// for a call changed by [`map_err`](Self::map_err) or [`err_into`](Self::err_into), which happen once: gather first.
    pub fn gather<N: Into<Arc<str>>, C: AsCaller>(
        self,
        targets: impl IntoIterator<Item = (N, C)>,
    ) -> Gather<T, E> {
        let targets = targets.into_iter().map(Address::new);
        Gather::of(CallFactory::template(self), targets)
    }
}

impl OneWayCall {
    /// Sends this call to several targets, instead of to its own. Each answer says whether the call was sent.
    ///
    /// The call must not have been started, and must not have stream halves among its arguments. Otherwise every target
    /// fails with [`CallError::NotTemplate`].
    pub fn gather<N: Into<Arc<str>>, C: AsCaller>(
        self,
        targets: impl IntoIterator<Item = (N, C)>,
    ) -> Gather<()> {
        let targets = targets.into_iter().map(Address::new);
        Gather::of(CallFactory::one_way(self), targets)
    }
}

/// The call of one target.
#[doc(hidden)]
pub type TargetCall<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A call that can be sent to any number of targets: a [`Call`] or a [`OneWayCall`] that has not been sent.
///
/// This trait is sealed.
pub trait GatherTemplate: private::Sealed + Sized {
    /// The result of each call.
    type Output;
    /// The error of each call.
    type Error;

    #[doc(hidden)]
    fn gather_from(self, targets: &Targets) -> Gather<Self::Output, Self::Error>;

    /// Returns this call for another target, for transports with multicasts of their own.
    #[doc(hidden)]
    fn for_target(&mut self, target: &impl AsCaller) -> TargetCall<Self::Output, Self::Error>;
}

impl<T: 'static, E: From<CallError> + 'static> GatherTemplate for Call<T, E> {
    type Output = T;
    type Error = E;

    fn gather_from(self, targets: &Targets) -> Gather<T, E> {
        Gather::of(CallFactory::template(self), targets.addresses())
    }

    fn for_target(&mut self, target: &impl AsCaller) -> TargetCall<T, E> {
        match self.retarget(target.as_caller()) {
            Ok(call) => Box::pin(call),
            Err(error) => Box::pin(async move { Err(error.into()) }),
        }
    }
}

impl GatherTemplate for OneWayCall {
    type Output = ();
    type Error = CallError;

    fn gather_from(self, targets: &Targets) -> Gather<()> {
        Gather::of(CallFactory::one_way(self), targets.addresses())
    }

    fn for_target(&mut self, target: &impl AsCaller) -> TargetCall<(), CallError> {
        match self.retarget(target.as_caller()) {
            Ok(call) => Box::pin(call),
            Err(error) => Box::pin(async move { Err(error) }),
        }
    }
}

mod private {
    pub trait Sealed {}

    impl<T, E> Sealed for super::Call<T, E> {}
    impl Sealed for super::OneWayCall {}
}
