use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::packet::{FrameworkError, Payload};
use crate::peer::calling::answer::Answered;
use crate::peer::calling::connection_source::ConnectionSource;
use crate::peer::connection::ConnectionCore;
use crate::peer::streaming::forward::relay_result;
use crate::peer::streaming::producer::Producer;
use crate::peer::{
    Call, Handler, HandlerFuture, MethodName, OneWayCall, Reply, Request, StreamError,
};

/// What calls are made through: a peer, or handlers in this process.
///
/// Clients are made from anything that is [`AsCaller`].
#[derive(Clone)]
pub struct Caller(pub(in crate::peer) CallTarget);

#[derive(Clone)]
pub(in crate::peer) enum CallTarget {
    /// The other side of a connection.
    Remote(ConnectionRef),
    /// Handlers in this process, and what they call back through.
    Local(Arc<dyn Handler>, Box<Caller>),
    /// Whatever connection there is when a call is made.
    Routed(Arc<dyn ConnectionSource>),
    /// Nobody: every method is unknown.
    Nobody,
}

impl Caller {
    /// Calls `handler` in this process, without a connection. Everything is encoded and decoded as on
    /// the wire. The handler has nobody to call back: there every method is unknown.
    pub fn local(handler: impl Handler) -> Self {
        Self::local_with(handler, Self(CallTarget::Nobody))
    }

    /// As [`local`](Self::local), with somebody for the handler to call back.
    pub fn local_with(handler: impl Handler, back: Self) -> Self {
        Self(CallTarget::Local(Arc::new(handler), Box::new(back)))
    }

    /// Calls over whatever connection a route has.
    pub(crate) fn routed(route: Arc<dyn ConnectionSource>) -> Self {
        Self(CallTarget::Routed(route))
    }

    /// The runtime that detached calls run on: the connection's, or else the one that this is called in.
    pub(in crate::peer) fn runtime(&self) -> Option<Handle> {
        match &self.0 {
            CallTarget::Remote(link) => Some(link.connection().runtime.clone()),
            CallTarget::Routed(source) => Some(source.runtime().clone()),
            CallTarget::Local(..) | CallTarget::Nobody => Handle::try_current().ok(),
        }
    }

    /// Calls a method by its name, with parameters as they are to travel.
    ///
    /// # Errors
    ///
    /// Beside those of every call, [`CallError::Decode`](crate::peer::CallError::Decode) when the result has streams.
    pub fn call(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Call<Bytes> {
        Call::new(
            self.clone(),
            method.into(),
            Ok(params.into()),
            |answer, _| answer?.into_bytes(),
        )
    }

    /// Calls a method by its name and wants no answer.
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
                .field(&link.connection().remote)
                .finish(),
            CallTarget::Routed(route) => f.debug_tuple("Caller").field(route).finish(),
            CallTarget::Local(..) => f.write_str("Caller(local)"),
            CallTarget::Nobody => f.write_str("Caller(nobody)"),
        }
    }
}

/// Passes each request on, with the streams that belong to it, and its answer back with those. An answer that says
/// *unknown method* is passed on as that.
///
/// A handler that chooses whom it asks calls [`Handler::handle`] on the chosen one: what a
/// [`call`](Caller::call) by name gives has no streams.
impl Handler for Caller {
    fn handle(&self, request: Request) -> HandlerFuture {
        let (method, params, arrived) = request.into_call();
        let call = |params| Call::new(self.clone(), method, Ok(params), |answer, _| answer);
        let Some(arrived) = arrived else {
            let call = call(params.into());
            return Box::pin(async move { Reply::forwarded(call.await.map(Answered::forward)) });
        };
        let Some(mut forwarded) = arrived.forward() else {
            return Box::pin(ready(cannot_forward()));
        };
        let call = call(forwarded.payload(params));
        match forwarded.result {
            None => Box::pin(async move { Reply::forwarded(call.await.map(Answered::forward)) }),
            Some((producer, Some(codec))) => {
                let call = call.streaming(codec);
                Box::pin(async move { forward_result(call, producer).await })
            }
            Some((_, None)) => Box::pin(ready(cannot_forward())),
        }
    }
}

/// The reply to a request whose streams cannot be sent on. Nobody has been asked.
fn cannot_forward() -> Reply {
    FrameworkError::Unsupported
        .to_error_data("the streams of this call cannot be passed on")
        .into()
}

/// Passes on the stream that is the result of a call.
async fn forward_result(call: Call<Answered>, producer: Producer) -> Reply {
    let of_call = match call.await {
        Ok(answered) => answered.into_stream(),
        Err(error) => return Reply::forwarded(Err::<Payload, _>(error)),
    };
    let Some(of_call) = of_call else {
        return FrameworkError::InvalidResult
            .to_error_data("the answer is not a stream")
            .into();
    };
    match relay_result(of_call, producer).await {
        Ok(()) => Reply::Value(Payload::default()),
        Err(StreamError::Call(error)) => Reply::forwarded(Err::<Payload, _>(error)),
        Err(error) => Reply::Error(error.into()),
    }
}

/// What a client can be made from.
#[diagnostic::on_unimplemented(
    message = "a client cannot be made from `{Self}`",
    label = "expected a peer or a caller",
    note = "create a client from a `chirp::Peer`, from `cx.caller()` inside a handler, or with `::local(implementation)`",
    note = "to connect to an address: `chirp::connect(address).await?`"
)]
pub trait AsCaller {
    /// What calls are made through.
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

/// A way to a connection, which keeps it alive or does not.
#[derive(Clone)]
pub(in crate::peer) enum ConnectionRef {
    Counted(Arc<ConnectionHandle>),
    Uncounted(Arc<ConnectionCore>),
}

/// What the handles of a connection share. When the last is gone, a connection that serves nothing has
/// no use any more.
pub(in crate::peer) struct ConnectionHandle {
    pub(in crate::peer) connection: Arc<ConnectionCore>,
    pub(in crate::peer) serves: AtomicBool,
}

impl ConnectionRef {
    pub(in crate::peer) fn uncounted(connection: &Arc<ConnectionCore>) -> Self {
        Self::Uncounted(Arc::clone(connection))
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
        Self(CallTarget::Remote(link))
    }
}

impl Drop for ConnectionHandle {
    fn drop(&mut self) {
        if !*self.serves.get_mut() {
            self.connection.drain(None);
        }
    }
}
