use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::channel::Identity;
use crate::packet::FrameworkError;
use crate::peer::server::layer_chain::LayerChain;
use crate::peer::server::responder::Deferred;
use crate::peer::{CallContext, HandlerFuture, MethodId, Reply, Request};

/// A layer around handlers: it sees each call before the handler, and its reply afterwards.
///
/// A layer may refuse a call or answer it in place of the handler, wait before it continues, add an
/// [extension](InboundRequest::insert_extension) for the handler, and change the reply. Every
/// `Fn(InboundRequest, Next) -> impl Future<Output = impl Into<Reply>>` is a layer:
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::{channel::Identity, packet};
/// # }
/// use chirp::packet::FrameworkError;
/// use chirp::{Identity, InboundRequest, Next, PeerBuilder, Reply};
///
/// let builder = PeerBuilder::new().layer(|request: InboundRequest, next: Next| async move {
///     if *request.identity() == Identity::Anonymous {
///         return Reply::from(FrameworkError::PermissionDenied);
///     }
///     next.run(request).await
/// });
/// ```
///
/// Layers are added to a peer ([`PeerBuilder::layer`](crate::peer::PeerBuilder::layer)), to a server
/// ([`ServerBuilder::layer`](crate::server::ServerBuilder::layer)) or to one service (`ArithServer::new(..).layer(..)`).
/// A call passes them from the outside to the inside in this order: access policy, turn of an ordered service, the
/// layers of the peer or server, the layers of the service, the handler. Of several layers of one place, the one that
/// was added first is outermost.
///
/// When the call is cancelled, its deadline passes or the connection ends, the future is dropped, and with it the futures of
/// the inner layers and of the handler. A panic becomes a service error for the caller, as a panic of the handler does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    label = "expected `Fn(chirp::InboundRequest, chirp::Next) -> impl Future<Output = impl Into<chirp::Reply>>`",
    note = "a closure needs the types of its arguments: `|request: chirp::InboundRequest, next: chirp::Next| async move {{ .. }}`",
    note = "a layer of the crate `tower` is wrapped: `chirp::layer::tower(..)`, with the feature `tower`"
)]
pub trait Layer: Send + Sync + 'static {
    /// Starts to handle one call. `next` continues with the inner layers and the handler.
    fn handle(&self, request: InboundRequest, next: Next) -> HandlerFuture;
}

#[diagnostic::do_not_recommend]
impl<F, Fut> Layer for F
where
    F: Fn(InboundRequest, Next) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: Into<Reply>,
{
    fn handle(&self, request: InboundRequest, next: Next) -> HandlerFuture {
        let work = self(request, next);
        Box::pin(async move { work.await.into() })
    }
}

/// An inbound call on its way to its handler, for a [`Layer`].
pub struct InboundRequest {
    request: Request,
    chain: Arc<LayerChain>,
    /// The index of the next layer.
    at: usize,
}

impl InboundRequest {
    pub(super) fn new(request: Request, chain: Arc<LayerChain>) -> Self {
        Self {
            request,
            chain,
            at: 0,
        }
    }

    /// Returns the name under which the method is registered, in which bytes that are not UTF-8 are escaped. It differs
    /// from the name that was called if that is an alias. `None` for a name that is not registered, which goes to the
    /// fallback or is unknown.
    ///
    /// The number of registered names is bounded, so that they may be used as keys. Names that are not registered are
    /// chosen by the caller: put them under one key.
    pub fn registered_name(&self) -> Option<&str> {
        self.chain.method().name.as_deref()
    }

    /// Returns the id of the method, if it belongs to a service: its name in the trait, whatever name the instance was
    /// given with `named` or `prefixed`.
    pub fn method_id(&self) -> Option<MethodId> {
        self.chain.method().id
    }

    /// Returns the name that was called, which may be any bytes.
    pub fn method(&self) -> &[u8] {
        self.request.method()
    }

    /// Returns the encoded parameters.
    pub fn params(&self) -> &[u8] {
        self.request.params()
    }

    /// Returns the context of the call, as the handler gets it.
    pub fn context(&self) -> &CallContext {
        self.request.context()
    }

    /// Returns the identity of the caller, as verified by the channel.
    pub fn identity(&self) -> &Identity {
        self.request.context().identity()
    }

    /// Adds an extension for inner layers and the handler, which read it with [`CallContext::extension`]. Replaces
    /// any other value of its type, for this call.
    pub fn insert_extension<T: Send + Sync + 'static>(&mut self, value: T) {
        self.request.insert_extension(value);
    }

    /// Continues with the next layer, or the handler.
    pub(super) fn proceed(mut self) -> HandlerFuture {
        let chain = Arc::clone(&self.chain);
        if let Some(layer) = chain.layer(self.at) {
            self.at += 1;
            return layer.handle(self, Next(()));
        }
        self.request.defer_here();
        chain.handler().handle(self.request)
    }
}

impl fmt::Debug for InboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InboundRequest")
            .field(&self.request)
            .finish()
    }
}

/// The part of a call inside of a [`Layer`]: the inner layers, and then the handler.
#[derive(Debug)]
pub struct Next(());

impl Next {
    /// Continues with the call. Dropping the future interrupts the handler.
    ///
    /// A deferred reply ([`Request::defer`], blocking methods) is awaited: the future returns the reply itself. If such a
    /// call is cancelled, it does not count as running any more, even if a blocking method has not returned.
    pub fn run(self, request: InboundRequest) -> NextFuture {
        NextFuture::new(request)
    }
}

/// The reply of the inner layers and the handler: see [`Next::run`].
#[must_use = "the handler runs when this is awaited"]
pub struct NextFuture(NextState);

enum NextState {
    Running(HandlerFuture),
    /// The handler has deferred its reply.
    Deferred(oneshot::Receiver<Reply>),
}

/// Waits for the reply of a handler, also if it is deferred to the future of the handler.
pub(in crate::peer) fn resolve(handling: HandlerFuture) -> NextFuture {
    NextFuture(NextState::Running(handling))
}

impl NextFuture {
    pub(crate) fn new(request: InboundRequest) -> Self {
        Self(NextState::Running(request.proceed()))
    }
}

impl Future for NextFuture {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        loop {
            match &mut self.0 {
                NextState::Running(running) => match ready!(running.as_mut().poll(cx)) {
                    Reply::Deferred(Deferred {
                        answer: Some(answer),
                        ..
                    }) => self.0 = NextState::Deferred(answer),
                    reply => return Poll::Ready(reply),
                },
                NextState::Deferred(answer) => {
                    let reply = ready!(Pin::new(answer).poll(cx));
                    return Poll::Ready(reply.unwrap_or_else(|_| FrameworkError::NoReply.into()));
                }
            }
        }
    }
}

impl fmt::Debug for NextFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextFuture")
    }
}
