//! Layers of the crate `tower`.

mod client;
mod error;
mod server;

pub use client::{CallService, CallServiceFuture};
pub use error::BoxError;
pub use server::{NextService, NextServiceFuture};

use std::fmt;
use std::sync::OnceLock;

use client::MakeCall;
use server::ServeCall;

/// Adapts a layer of the crate `tower` for servers and clients: the result is a [`Layer`](crate::peer::Layer) and a
/// [`ClientLayer`](crate::peer::ClientLayer). Requires the feature `tower`.
///
/// On a server, the service that the layer makes is called with [`InboundRequest`](crate::peer::InboundRequest) and returns
/// a [`Reply`](crate::peer::Reply), or anything that converts into one. On a client it is called with
/// [`OutgoingCall`](crate::peer::OutgoingCall) and returns [`Answered`](crate::peer::Answered). It must be `Clone`: each call gets a clone, whose
/// readiness is awaited inside of the call's future. Waiting calls therefore count as running calls of their connection.
///
/// Layers that act on the readiness of each other, such as a load shed outside of a limit, belong into one `ServiceBuilder`:
///
/// ```
/// # mod chirp { pub use chirp_runtime::{layer, peer::*}; }
/// use chirp::PeerBuilder;
/// use tower::ServiceBuilder;
///
/// let limited = ServiceBuilder::new().load_shed().concurrency_limit(10);
/// let builder = PeerBuilder::new().layer(chirp::layer::tower(limited));
/// ```
///
/// The service is made when the first call comes, inside of the runtime, and shared by all calls: a limit holds for
/// everything that the layer is added to.
///
/// # Errors of the service
///
/// On a client, a [`CallError`](crate::peer::CallError) stays as it is. All others become:
///
/// | error | error of the call |
/// |---|---|
/// | [`ErrorData`](crate::packet::ErrorData), [`FrameworkError`](crate::packet::FrameworkError) | that error |
/// | `tower::load_shed::error::Overloaded` | [`FrameworkError::Overloaded`](crate::packet::FrameworkError::Overloaded) (C700) |
/// | `tower::timeout::error::Elapsed` | [`FrameworkError::DeadlineExceeded`](crate::packet::FrameworkError::DeadlineExceeded) (C703) |
/// | any other | a service error with code 0 and the error's text, which a server also logs as a warning |
///
/// The two errors of `tower` are recognized by their texts, anywhere in a chain of sources: Chirp does not depend on the
/// crate `tower` itself.
pub fn tower<L>(layer: L) -> TowerLayer<L> {
    TowerLayer {
        layer,
        server: OnceLock::new(),
        client: OnceLock::new(),
    }
}

/// A layer of the crate `tower`: see [`tower`].
pub struct TowerLayer<L> {
    layer: L,
    /// The service around handlers, made for the first call.
    server: OnceLock<Box<dyn ServeCall>>,
    /// The service around outgoing calls, made for the first call.
    client: OnceLock<Box<dyn MakeCall>>,
}

impl<L> fmt::Debug for TowerLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerLayer")
            .field("layer", &std::any::type_name::<L>())
            .finish_non_exhaustive()
    }
}
