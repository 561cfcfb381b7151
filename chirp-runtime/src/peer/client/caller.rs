use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::packet::Payload;
use crate::peer::client::call_options::{CallDefaults, CallOptions};
use crate::peer::client::connection_source::ConnectionSource;
use crate::peer::client::indirect::IndirectTarget;
use crate::peer::client::layer::ClientLayer;
use crate::peer::client::layer_chain::{ClientLayerChain, ClientLayers};
use crate::peer::client::local::LocalTarget;
use crate::peer::connection::ConnectionCore;
use crate::peer::{Call, Handler, MethodName, OneWayCall, RetryPolicy};

/// Makes calls through a peer, or to handlers in this process.
///
/// A client can be created from every type that implements [`AsCaller`].
#[derive(Clone)]
pub struct Caller(pub(in crate::peer) CallTarget);

#[derive(Clone)]
pub(in crate::peer) enum CallTarget {
    /// The peer of a connection.
    Remote(ConnectionRef),
    /// Handlers in this process, or a caller inside of layers.
    Indirect(Arc<dyn IndirectTarget>),
    /// The connection that is current when a call is made.
    Routed(Arc<dyn ConnectionSource>),
    /// Another target, with defaults for its calls.
    With(Arc<CallDefaults>),
    /// Every method is unknown.
    Nobody,
    /// Calls are templates, and are not sent.
    Unbound,
}

impl Caller {
    /// Returns a caller of `handler` in this process, without a connection. Everything is encoded and decoded as on a
    /// connection. The handler cannot call back: every method is unknown to it.
    pub fn local(handler: impl Handler) -> Self {
        Self::local_with(handler, Self(CallTarget::Nobody))
    }

    /// As [`local`](Self::local), with a caller for the handler to call back through.
    pub fn local_with(handler: impl Handler, back: Self) -> Self {
        Self(CallTarget::Indirect(LocalTarget::new(handler, back)))
    }

    /// Returns a caller without a connection. Its calls are templates for groups of targets
    /// ([`gather`](crate::node::Gather)); by themselves they fail with [`CallError::Unbound`](crate::peer::CallError::Unbound).
    pub fn unbound() -> Self {
        Self(CallTarget::Unbound)
    }

    /// Returns a caller that uses the current connection of `route`.
    pub(crate) fn routed(route: Arc<dyn ConnectionSource>) -> Self {
        Self(CallTarget::Routed(route))
    }

    /// Returns a caller whose calls carry an entry of metadata: see [`Call::metadata`].
    #[must_use]
    pub fn with_metadata(self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.with_defaults(|defaults| defaults.options.set_metadata(key, value.as_ref()))
    }

    /// Returns a caller whose calls carry an entry of optional metadata: see [`Call::metadata_optional`].
    #[must_use]
    pub fn with_metadata_optional(self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.with_defaults(|defaults| {
            defaults.options.set_optional_metadata(key, value.as_ref());
        })
    }

    /// Returns a caller whose calls time out after `timeout`, unless a call has a limit of its own: see [`Call::timeout`].
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with_defaults(|defaults| defaults.timeout = Some(timeout))
    }

    /// Returns a caller whose calls are sent again by a policy, unless a call has one of its own: see [`Call::retry`].
    /// One-way calls are not.
    #[must_use]
    pub fn with_retry(self, policy: &RetryPolicy) -> Self {
        self.with_defaults(|defaults| defaults.retry = Some(policy.clone()))
    }

    /// Returns a caller with changed defaults.
    pub(in crate::peer) fn with_defaults(self, change: impl FnOnce(&mut CallDefaults)) -> Self {
        let mut defaults = match self.0 {
            CallTarget::With(defaults) => defaults,
            target => Arc::new(CallDefaults {
                options: CallOptions::default(),
                timeout: None,
                retry: None,
                caller: Self(target),
            }),
        };
        change(Arc::make_mut(&mut defaults));
        Self(CallTarget::With(defaults))
    }

    /// Returns the target without defaults.
    pub(in crate::peer) fn target(&self) -> &CallTarget {
        match &self.0 {
            CallTarget::With(defaults) => &defaults.caller.0,
            target => target,
        }
    }

    /// Adds a layer around the calls of this caller, inside of the layers that it has.
    #[must_use]
    pub fn with_layer(self, layer: impl ClientLayer) -> Self {
        // Layers see the defaults of the caller.
        if let CallTarget::With(mut defaults) = self.0 {
            let inner = Arc::make_mut(&mut defaults);
            let caller = mem::replace(&mut inner.caller, Self(CallTarget::Nobody));
            inner.caller = caller.with_layer(layer);
            return Self(CallTarget::With(defaults));
        }
        match self.chain() {
            Some(chain) => chain.with(layer),
            None => ClientLayers::with(None, layer).around(self),
        }
    }

    /// Returns the layers of the caller, and the caller inside of them.
    pub(in crate::peer) fn chain(&self) -> Option<&ClientLayerChain> {
        match self.target() {
            CallTarget::Indirect(target) => target.layers(),
            _ => None,
        }
    }

    /// Returns the connection of the caller, inside of its layers.
    pub(in crate::peer) fn connection_ref(&self) -> Option<&ConnectionRef> {
        match self.target() {
            CallTarget::Remote(link) => Some(link),
            CallTarget::Indirect(target) => target.layers()?.caller().connection_ref(),
            _ => None,
        }
    }

    /// Returns the runtime of detached calls: that of the connection, or the current one.
    pub(crate) fn runtime(&self) -> Option<Handle> {
        match &self.0 {
            CallTarget::Remote(link) => Some(link.connection().runtime.clone()),
            CallTarget::Routed(source) => Some(source.runtime().clone()),
            CallTarget::With(defaults) => defaults.caller.runtime(),
            CallTarget::Indirect(target) => match target.layers() {
                Some(chain) => chain.caller().runtime(),
                None => Handle::try_current().ok(),
            },
            CallTarget::Nobody | CallTarget::Unbound => Handle::try_current().ok(),
        }
    }

    /// Returns `true` if a call with these parameters can be sent from this thread: streams to handlers in this process
    /// need a runtime.
    pub(in crate::peer) fn can_take(&self, params: &Payload) -> bool {
        let CallTarget::Indirect(target) = self.target() else {
            return true;
        };
        match target.layers() {
            Some(chain) => chain.caller().can_take(params),
            None => !params.has_attachments() || Handle::try_current().is_ok(),
        }
    }

    /// Calls a method by its name, with encoded parameters.
    ///
    /// # Errors
    ///
    /// The call fails as every call does, and with [`CallError::Decode`](crate::peer::CallError::Decode) if the result has streams.
    pub fn call(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Call<Bytes> {
        Call::new(
            self.clone(),
            method.into(),
            Ok(params.into()),
            |answer, _| answer?.into_bytes(),
        )
    }

    /// Calls a method by its name, without a response.
    pub fn call_one_way(
        &self,
        method: impl Into<MethodName>,
        params: impl Into<Payload>,
    ) -> OneWayCall {
        OneWayCall::new(self.clone(), method.into(), Ok(params.into()))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            CallTarget::Remote(link) => f
                .debug_tuple("Caller")
                .field(&link.connection().remote())
                .finish(),
            CallTarget::Routed(route) => f.debug_tuple("Caller").field(route).finish(),
            CallTarget::With(defaults) => defaults.caller.fmt(f),
            CallTarget::Indirect(target) => match target.layers() {
                Some(chain) => chain.caller().fmt(f),
                None => f.write_str("Caller(local)"),
            },
            CallTarget::Nobody => f.write_str("Caller(nobody)"),
            CallTarget::Unbound => f.write_str("Caller(unbound)"),
        }
    }
}

/// A type from which clients can be created.
#[diagnostic::on_unimplemented(
    message = "a client cannot be made from `{Self}`",
    label = "expected a peer or a caller",
    note = "create a client from a `chirp::Peer`, from `cx.caller()` inside a handler, or with `::local(implementation)`",
    note = "to connect to an address: `chirp::connect(address).await?`"
)]
pub trait AsCaller {
    /// Returns the caller that the client uses.
    fn as_caller(&self) -> Caller;
}

impl AsCaller for Caller {
    fn as_caller(&self) -> Caller {
        self.clone()
    }
}

impl<T: AsCaller + ?Sized> AsCaller for &T {
    fn as_caller(&self) -> Caller {
        (**self).as_caller()
    }
}

/// A reference to a connection. `Counted` references keep it open.
#[derive(Clone)]
pub(in crate::peer) enum ConnectionRef {
    Counted(Arc<ConnectionHandle>),
    Uncounted(Arc<ConnectionCore>),
}

/// The state that all handles of a connection share. When the last handle is dropped, a connection that serves nothing
/// is closed gracefully.
pub(in crate::peer) struct ConnectionHandle {
    pub(in crate::peer) connection: Arc<ConnectionCore>,
    pub(in crate::peer) serves: AtomicBool,
}

impl ConnectionRef {
    pub(in crate::peer) fn uncounted(connection: &Arc<ConnectionCore>) -> Self {
        Self::Uncounted(Arc::clone(connection))
    }

    /// Returns `true` for the caller in a handler's context, which may call while the connection drains.
    #[inline]
    pub(in crate::peer) fn is_callback(&self) -> bool {
        matches!(self, Self::Uncounted(_))
    }

    pub(in crate::peer) fn connection(&self) -> &Arc<ConnectionCore> {
        match self {
            Self::Counted(handle) => &handle.connection,
            Self::Uncounted(connection) => connection,
        }
    }
}

impl From<ConnectionRef> for Caller {
    fn from(link: ConnectionRef) -> Self {
        match link.connection().client_layers.clone() {
            None => Self(CallTarget::Remote(link)),
            Some(layers) => layers.around(Self(CallTarget::Remote(link))),
        }
    }
}

impl Drop for ConnectionHandle {
    fn drop(&mut self) {
        if !*self.serves.get_mut() {
            self.connection.drain(None);
        }
    }
}
