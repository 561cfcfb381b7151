use bytes::Bytes;

use crate::packet;
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::{CallContext, MethodName, Reply, Responder};

/// One inbound call, for its [`Handler`](crate::peer::Handler).
#[derive(Debug)]
pub struct Request {
    context: CallContext,
    packet: packet::RequestPacket,
    route: usize,
    /// The streams that came with the request.
    arrived: Option<Box<InboundStreams>>,
}

impl Request {
    pub(in crate::peer) fn new(context: CallContext, packet: packet::RequestPacket) -> Self {
        Self {
            context,
            packet,
            route: 0,
            arrived: None,
        }
    }

    pub(in crate::peer) fn with_streams(mut self, arrived: Option<InboundStreams>) -> Self {
        self.arrived = arrived.map(Box::new);
        self
    }

    /// Returns the streams that came with the request.
    pub(crate) fn arrived(&self) -> Option<&InboundStreams> {
        self.arrived.as_deref()
    }

    /// Returns the context of the call.
    pub fn context(&self) -> &CallContext {
        &self.context
    }

    /// Returns the method name that was called, which may be any bytes.
    pub fn method(&self) -> &[u8] {
        self.packet.method()
    }

    /// Returns the encoded parameters.
    pub fn params(&self) -> &[u8] {
        self.packet.params()
    }

    /// Returns the encoded parameters without copying them.
    pub fn into_params(self) -> Bytes {
        self.packet.into_params()
    }

    /// Returns the index of the method, if one handler was registered for several methods
    /// ([`Router::route`](crate::peer::Router::route)).
    pub fn route(&self) -> usize {
        self.route
    }

    /// Defers the reply: the [`Responder`] answers the call later, from anywhere, and the handler returns the given
    /// [`Reply`].
    ///
    /// ```
    /// # use chirp_runtime::peer as chirp;
    /// use chirp::{Handler, Request, Responder};
    /// use tokio::sync::mpsc;
    ///
    /// fn hand_over(actor: mpsc::UnboundedSender<(bytes::Bytes, Responder)>) -> impl Handler {
    ///     move |request: Request| {
    ///         let (responder, reply) = request.defer();
    ///         // If the actor is gone the responder is dropped, and the caller learns that there is no answer.
    ///         let _ = actor.send((request.into_params(), responder));
    ///         std::future::ready(reply)
    ///     }
    /// }
    /// ```
    pub fn defer(&self) -> (Responder, Reply) {
        let (responder, deferred) = match (self.context.connection(), self.context.run()) {
            (Some(connection), Some(run)) => Responder::remote(connection, run),
            _ => Responder::local(),
        };
        (responder, Reply::Deferred(deferred))
    }

    pub(in crate::peer) fn set_route(&mut self, route: usize) {
        self.route = route;
    }

    /// Returns the call's name and parameters, and the streams that came with it.
    pub(in crate::peer) fn into_call(self) -> (MethodName, Bytes, Option<Box<InboundStreams>>) {
        (
            MethodName::from(Bytes::copy_from_slice(self.packet.method())),
            self.packet.into_params(),
            self.arrived,
        )
    }
}
