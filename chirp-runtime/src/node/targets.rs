use std::fmt;
use std::sync::Arc;

use super::gather::{Address, CallFactory};
use super::{Gather, GatherTemplate, Target};
use crate::peer::{AsCaller, CallError};

/// A choice of targets, each under a name, that can be called together any number of times.
///
/// ```
/// # mod chirp { pub use chirp_runtime::{node::*, peer::*}; }
/// use chirp::{Call, Peer, Targets};
///
/// # async fn gather(peers: Vec<(String, Peer)>, load: Call<u64>) {
/// let targets = Targets::new(peers);
/// let answers = targets.gather(load).await;
/// # }
/// ```
#[derive(Clone)]
pub struct Targets(Choice);

#[derive(Clone)]
enum Choice {
    List(Arc<[Address]>),
    /// Looked up anew for each group.
    Lookup(Arc<dyn Fn() -> Vec<Address> + Send + Sync>),
    /// The targets of both.
    Both(Arc<(Choice, Choice)>),
}

impl Targets {
    /// Creates a list of targets.
    pub fn new<N: Into<Arc<str>>, C: AsCaller>(targets: impl IntoIterator<Item = (N, C)>) -> Self {
        Self(Choice::List(
            targets.into_iter().map(Address::new).collect(),
        ))
    }

    /// Creates targets that `lookup` returns anew for each group.
    pub fn from_fn<I, N, C>(lookup: impl Fn() -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item = (N, C)>,
        N: Into<Arc<str>>,
        C: AsCaller,
    {
        Self::lookup(move || lookup().into_iter().map(Address::new).collect())
    }

    pub(super) fn lookup(lookup: impl Fn() -> Vec<Address> + Send + Sync + 'static) -> Self {
        Self(Choice::Lookup(Arc::new(lookup)))
    }

    /// Adds a target, such as a client of this process beside the nodes of a network.
    #[must_use]
    pub fn and(self, name: impl Into<Arc<str>>, target: &impl AsCaller) -> Self {
        let Self(other) = Self::new([(name, target)]);
        Self(Choice::Both(Arc::new((self.0, other))))
    }

    /// Sends a call to each target and collects the answers: see [`Call::gather`](crate::peer::Call::gather).
    ///
    /// The targets are determined by this method. Later changes do not affect the group.
    pub fn gather<C: GatherTemplate>(&self, call: C) -> Gather<C::Output, C::Error> {
        call.gather_from(self)
    }

    /// Calls each target with a call of its own and collects the answers: see [`Gather::each`].
    ///
    /// The targets are determined by this method. Later changes do not affect the group.
    pub fn each<T, E, F>(&self, call: impl FnMut(&Target) -> F + Send + 'static) -> Gather<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: From<CallError> + 'static,
    {
        Gather::of(CallFactory::each(call), self.addresses())
    }

    /// Returns the current targets.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let mut addresses = Vec::new();
        self.0.add_to(&mut addresses);
        addresses
    }
}

impl Choice {
    fn add_to(&self, addresses: &mut Vec<Address>) {
        match self {
            Self::List(list) => addresses.extend_from_slice(list),
            Self::Lookup(lookup) => addresses.append(&mut lookup()),
            Self::Both(both) => {
                both.0.add_to(addresses);
                both.1.add_to(addresses);
            }
        }
    }
}

impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.addresses();
        let names = addresses.iter().map(|address| &address.name);
        f.debug_list().entries(names).finish()
    }
}
