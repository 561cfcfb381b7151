use std::future::pending;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::packet::Payload;
use crate::peer::client::answer::Answer;
use crate::peer::client::call_options::CallOptions;
use crate::peer::client::layer::{CallKind, OutgoingFuture};
use crate::peer::client::layer_chain::ClientLayerChain;
use crate::peer::client::limit::CallLimit;
use crate::peer::stream::consumer::Consumer;
use crate::peer::{CallError, MethodName};

/// A target of calls that is no connection: the handlers of this process, or a caller inside of layers.
///
/// A trait object, so that a program which makes its calls over connections alone is linked without the others.
pub(in crate::peer) trait IndirectTarget: Send + Sync {
    /// Starts the timer of a call and sends it. Returns the call, and its stream if the target makes one for the result.
    ///
    /// # Errors
    ///
    /// [`CallError`] if the call cannot be sent.
    fn send(self: Arc<Self>, call: IndirectRequest<'_>) -> Result<SentIndirectly, CallError>;

    /// Returns the layers, and the caller inside of them, unless the target consists of handlers in this process.
    fn layers(&self) -> Option<&ClientLayerChain>;
}

/// A call to an [`IndirectTarget`], and the stream that is its result.
pub(in crate::peer) type SentIndirectly = (IndirectCall, Option<Consumer>);

/// A call to be sent by an [`IndirectTarget`].
pub(in crate::peer) struct IndirectRequest<'a> {
    pub(super) method: &'a MethodName,
    pub(super) params: Payload,
    pub(super) kind: CallKind,
    pub(super) options: Option<&'a CallOptions>,
    /// `None` for one-way calls.
    pub(super) limit: Option<&'a mut CallLimit>,
    pub(super) idempotent: bool,
    /// The call has a retry policy, which repeats it from outside of the target.
    pub(super) has_policy: bool,
}

/// A call that was sent to an [`IndirectTarget`]. It is polled together with its call, unless it was started.
pub(in crate::peer) enum IndirectCall {
    /// A call of a handler in this process.
    Local(Box<dyn StartableCall>),
    /// A call that passes layers, of which the innermost makes another call.
    Layered(LayeredCall),
}

/// A call that can run while it is not polled.
pub(in crate::peer) trait StartableCall: Send {
    /// Polls the call. A one-way call that was sent has an empty answer.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer>;

    /// Lets the call run while it is not polled.
    fn start(&mut self);
}

/// A call that passes layers.
pub(in crate::peer) struct LayeredCall {
    pub(super) running: OutgoingFuture,
    pub(super) runtime: Option<Handle>,
    /// Moves the future to a task of the runtime. `None` once it has been moved. A pointer, as the target is one.
    pub(super) start: Option<fn(OutgoingFuture, &Handle) -> OutgoingFuture>,
}

impl IndirectCall {
    /// Polls the call. A one-way call that was sent has an empty answer.
    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        match self {
            Self::Local(call) => call.poll(cx),
            Self::Layered(call) => call.running.as_mut().poll(cx),
        }
    }

    /// Lets the call run while it is not polled. Outside of a runtime it runs when it is polled.
    pub(in crate::peer) fn start(&mut self) {
        match self {
            Self::Local(call) => call.start(),
            Self::Layered(call) => {
                if let Some(runtime) = &call.runtime
                    && let Some(start) = call.start.take()
                {
                    let running = mem::replace(&mut call.running, Box::pin(pending()));
                    call.running = start(running, runtime);
                }
            }
        }
    }

    /// Returns the runtime for the remainder of the call.
    pub(in crate::peer) fn runtime(&self) -> Option<Handle> {
        match self {
            Self::Local(_) => Handle::try_current().ok(),
            Self::Layered(call) => call.runtime.clone(),
        }
    }
}
