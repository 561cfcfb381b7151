use std::sync::Arc;

use bytes::Bytes;

#[cfg(feature = "reflect")]
use crate::codec::ArgumentTable;
use crate::codec::ValueEncoding;
use crate::packet;
#[cfg(feature = "reflect")]
use crate::packet::strip_json_suffix;
use crate::peer::server::service_order::OrderPermit;
use crate::peer::stream::inbound_streams::InboundStreams;
use crate::peer::{CallContext, MethodName, Reply, Responder};

/// One inbound call, for its [`Handler`](crate::peer::Handler).
#[derive(Debug)]
pub struct Request {
    context: CallContext,
    packet: packet::RequestPacket,
    route: u32,
    /// A deferred reply goes to the future of the handler, which is inside of layers, and not to the connection.
    defers_here: bool,
    attached: Option<Box<Attached>>,
}

/// Rare parts of a request.
#[derive(Debug, Default)]
struct Attached {
    /// The streams that came with the request.
    streams: Option<InboundStreams>,
    /// The turn of an ordered service, if it was taken before the handler's layers.
    permit: Option<Arc<OrderPermit>>,
    /// The arguments of the method, if it was called by its JSON name.
    #[cfg(feature = "reflect")]
    json: Option<ArgumentTable>,
}

impl Request {
    pub(in crate::peer) fn new(context: CallContext, packet: packet::RequestPacket) -> Self {
        Self {
            context,
            packet,
            route: 0,
            defers_here: false,
            attached: None,
        }
    }

    pub(in crate::peer) fn with_streams(mut self, arrived: Option<InboundStreams>) -> Self {
        self.attached = arrived.map(|streams| {
            Box::new(Attached {
                streams: Some(streams),
                ..Attached::default()
            })
        });
        self
    }

    /// Returns the streams that came with the request.
    pub(crate) fn arrived(&self) -> Option<&InboundStreams> {
        self.attached.as_ref()?.streams.as_ref()
    }

    /// Returns the context of the call.
    pub fn context(&self) -> &CallContext {
        &self.context
    }

    /// Returns the method name that was called, which may be any bytes. If the method was called by its JSON name, this
    /// is the name without the suffix, and the parameters are JSON.
    pub fn method(&self) -> &[u8] {
        let name = self.packet.method();
        #[cfg(feature = "reflect")]
        if self.json().is_some() {
            return strip_json_suffix(name).unwrap_or(name);
        }
        name
    }

    /// Returns the encoding of the call's values.
    #[inline]
    pub(crate) fn encoding(&self) -> ValueEncoding {
        #[cfg(feature = "reflect")]
        if self.json().is_some() {
            return ValueEncoding::Json;
        }
        ValueEncoding::Native
    }

    /// Returns the arguments of the method, if it was called by its JSON name.
    #[cfg(feature = "reflect")]
    #[inline]
    pub(crate) fn json(&self) -> Option<ArgumentTable> {
        self.attached.as_ref()?.json
    }

    /// Marks the parameters and the result as JSON.
    #[cfg(feature = "reflect")]
    pub(in crate::peer) fn set_json(&mut self, arguments: ArgumentTable) {
        self.attached.get_or_insert_default().json = Some(arguments);
    }

    /// Limits the call to a deadline of its method.
    #[cfg(feature = "reflect")]
    pub(in crate::peer) fn limit(&mut self, deadline: tokio::time::Instant) {
        self.context.limit(deadline);
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
        self.route as usize
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
            (Some(connection), Some(run)) if !self.defers_here => {
                Responder::remote(connection, run)
            }
            _ => Responder::local(),
        };
        (responder, Reply::Deferred(deferred))
    }

    /// Keeps the turn of an ordered service for as long as the request exists.
    pub(in crate::peer) fn hold(&mut self, permit: Arc<OrderPermit>) {
        self.attached.get_or_insert_default().permit = Some(permit);
    }

    /// Directs a deferred reply to the future of the handler, so that layers see it.
    pub(in crate::peer) fn defer_here(&mut self) {
        self.defers_here = true;
    }

    /// Returns `true` if the call has its turn of an ordered service.
    pub(crate) fn has_turn(&self) -> bool {
        let attached = self.attached.as_ref();
        attached.is_some_and(|attached| attached.permit.is_some())
    }

    pub(in crate::peer) fn insert_extension<T: Send + Sync + 'static>(&mut self, value: T) {
        self.context.insert_extension(value);
    }

    /// Returns a request of another method for the same caller, without streams.
    pub(in crate::peer) fn derive(&self, method: &'static str, params: &[u8]) -> Self {
        let method = Bytes::from_static(method.as_bytes());
        let packet = packet::RequestPacket::new(0, &method, params);
        let mut request = Self::new(self.context.clone(), packet);
        request.defer_here();
        request
    }

    pub(in crate::peer) fn set_route(&mut self, route: u32) {
        self.route = route;
    }

    /// Returns the call's name and parameters, and the streams that came with it.
    pub(in crate::peer) fn into_call(self) -> (MethodName, Bytes, Option<InboundStreams>) {
        (
            MethodName::from(Bytes::copy_from_slice(self.packet.method())),
            self.packet.into_params(),
            self.attached.and_then(|attached| attached.streams),
        )
    }
}
