use std::fmt;
use std::future::ready;
use std::sync::Arc;

use crate::peer::server::layer::{InboundRequest, Layer};
use crate::peer::server::service_order::{AcquireOrder, ServiceOrder};
use crate::peer::{Handler, HandlerFuture, MethodId, Reply, Request};
use crate::sync::Mutex;

/// The layers of a router or a service, outermost first.
#[derive(Clone, Default)]
pub(crate) struct Layers(Vec<Arc<dyn Layer>>);

impl Layers {
    /// Adds a layer inside of the others.
    pub(crate) fn push(&mut self, layer: impl Layer) {
        self.0.push(Arc::new(layer));
    }

    pub(in crate::peer) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.len())
    }
}

/// The names of a method, for layers.
#[derive(Clone, Default)]
pub(in crate::peer) struct MethodNames {
    /// The registered name. Bytes that are not UTF-8 are escaped.
    pub(in crate::peer) name: Option<Arc<str>>,
    pub(in crate::peer) id: Option<MethodId>,
}

impl MethodNames {
    pub(in crate::peer) fn new(name: &[u8], id: Option<MethodId>) -> Self {
        let name = match std::str::from_utf8(name) {
            Ok(name) => name.into(),
            Err(_) => name.escape_ascii().to_string().into(),
        };
        Self {
            name: Some(name),
            id,
        }
    }
}

/// The layers around one handler.
pub(in crate::peer) struct LayerChain {
    layers: Box<[Arc<dyn Layer>]>,
    handler: Arc<dyn Handler>,
    method: MethodNames,
}

impl LayerChain {
    pub(super) fn method(&self) -> &MethodNames {
        &self.method
    }

    /// Returns a layer by its index, outermost first.
    pub(super) fn layer(&self, index: usize) -> Option<&dyn Layer> {
        Some(&**self.layers.get(index)?)
    }

    pub(super) fn handler(&self) -> &dyn Handler {
        &*self.handler
    }
}

/// Puts `handler` inside of the layers of its service, and these inside of the layers of its router. Without any layer
/// the handler is returned as it is.
pub(in crate::peer) fn layered(
    [outer, inner]: [&Layers; 2],
    handler: &Arc<dyn Handler>,
    method: impl FnOnce() -> MethodNames,
    order: Option<&Arc<ServiceOrder>>,
) -> Arc<dyn Handler> {
    if outer.is_empty() && inner.is_empty() {
        return Arc::clone(handler);
    }
    let chain = Arc::new(LayerChain {
        layers: outer.0.iter().chain(&inner.0).cloned().collect(),
        handler: Arc::clone(handler),
        method: method(),
    });
    match order {
        None => Arc::new(LayeredHandler(chain)),
        Some(order) => Arc::new(OrderedLayeredHandler {
            chain,
            order: Arc::clone(order),
        }),
    }
}

/// Passes a call whose reply is prepared already through layers.
pub(in crate::peer) fn handle_through(
    layers: &Layers,
    request: Request,
    method: MethodNames,
    reply: HandlerFuture,
) -> HandlerFuture {
    let handler: Arc<dyn Handler> = Arc::new(PreparedReply(Mutex::new(Some(reply))));
    layered([layers, &Layers::default()], &handler, || method, None).handle(request)
}

/// A handler inside of layers.
struct LayeredHandler(Arc<LayerChain>);

impl Handler for LayeredHandler {
    fn handle(&self, request: Request) -> HandlerFuture {
        InboundRequest::new(request, Arc::clone(&self.0)).proceed()
    }
}

/// A handler of an ordered service inside of layers. The call takes its turn before the first layer, since a layer that
/// waits would change the order.
struct OrderedLayeredHandler {
    chain: Arc<LayerChain>,
    order: Arc<ServiceOrder>,
}

impl Handler for OrderedLayeredHandler {
    fn handle(&self, mut request: Request) -> HandlerFuture {
        let turn = AcquireOrder::take(request.context(), &self.order);
        let chain = Arc::clone(&self.chain);
        Box::pin(async move {
            let permit = Arc::new(turn.await);
            // A blocking handler keeps its request, and so the permit, even if the call is dropped.
            request.hold(Arc::clone(&permit));
            let reply = InboundRequest::new(request, chain).proceed().await;
            drop(permit);
            reply
        })
    }
}

/// A handler of one call, whose reply is prepared.
struct PreparedReply(Mutex<Option<HandlerFuture>>);

impl Handler for PreparedReply {
    fn handle(&self, _: Request) -> HandlerFuture {
        let reply = self.0.lock().take();
        reply.unwrap_or_else(|| Box::pin(ready(Reply::UnknownMethod)))
    }
}
