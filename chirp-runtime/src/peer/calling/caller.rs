use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use crate::packet::Payload;
use crate::peer::calling::answer::Answered;
use crate::peer::calling::route::Route;
use crate::peer::connection::Connection;
use crate::peer::{Call, Cast, Handler, Handling, MethodName, Reply, Request};

/// What calls are made through: a peer, or handlers in this process.
///
/// Clients are made from anything that is [`AsCaller`].
#[derive(Clone)]
pub struct Caller(pub(in crate::peer) Target);

#[derive(Clone)]
pub(in crate::peer) enum Target {
    /// The other side of a connection.
    Remote(Link),
    /// Handlers in this process, and what they call back through.
    Local(Arc<dyn Handler>, Box<Caller>),
    /// Whatever connection there is when a call is made.
    Routed(Arc<dyn Route>),
    /// Nobody: every method is unknown.
    Nobody,
}

impl Caller {
    /// Calls `handler` in this process, without a connection. Everything is encoded and decoded as on
    /// the wire. The handler has nobody to call back: there every method is unknown.
    pub fn local(handler: impl Handler) -> Self {
        Self::local_with(handler, Self(Target::Nobody))
    }

    /// As [`local`](Self::local), with somebody for the handler to call back.
    pub fn local_with(handler: impl Handler, back: Self) -> Self {
        Self(Target::Local(Arc::new(handler), Box::new(back)))
    }

    /// Calls over whatever connection a route has.
    pub(crate) fn routed(route: Arc<dyn Route>) -> Self {
        Self(Target::Routed(route))
    }

    /// Calls a method by its name, with parameters as they are to travel.
    pub fn call(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Call<Bytes> {
        Call::new(self.clone(), method.into(), Ok(params.into()), |answer| {
            answer.map(Answered::into_data)
        })
    }

    /// Calls a method by its name and wants no answer.
    pub fn cast(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Cast {
        Cast::new(self.clone(), method.into(), Ok(params.into()))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Remote(link) => f
                .debug_tuple("Caller")
                .field(&link.connection().remote)
                .finish(),
            Target::Routed(route) => f.debug_tuple("Caller").field(route).finish(),
            Target::Local(..) => f.write_str("Caller(local)"),
            Target::Nobody => f.write_str("Caller(nobody)"),
        }
    }
}

/// Passes each request on. An answer that says *unknown method* is passed on as that.
impl Handler for Caller {
    fn handle(&self, request: Request) -> Handling {
        let (method, params) = request.into_call();
        let call = self.call(method, params);
        Box::pin(async move { Reply::forwarded(call.await) })
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
pub(in crate::peer) enum Link {
    Counted(Arc<Handle>),
    Uncounted(Arc<Connection>),
}

/// What the handles of a connection share. When the last is gone, a connection that serves nothing has
/// no use any more.
pub(in crate::peer) struct Handle {
    pub(in crate::peer) connection: Arc<Connection>,
    pub(in crate::peer) serves: AtomicBool,
}

impl Link {
    pub(in crate::peer) fn uncounted(connection: &Arc<Connection>) -> Self {
        Self::Uncounted(Arc::clone(connection))
    }

    pub(in crate::peer) fn connection(&self) -> &Arc<Connection> {
        match self {
            Self::Counted(handle) => &handle.connection,
            Self::Uncounted(connection) => connection,
        }
    }
}

impl From<Link> for Caller {
    fn from(link: Link) -> Self {
        Self(Target::Remote(link))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !*self.serves.get_mut() {
            self.connection.drain(None);
        }
    }
}
