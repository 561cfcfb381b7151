use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::packet::FrameworkError;
use crate::peer::client::caller::CallTarget;
use crate::peer::client::indirect::{
    IndirectCall, IndirectRequest, IndirectTarget, LayeredCall, SentIndirectly,
};
use crate::peer::client::layer::{ClientLayer, OutgoingCall, OutgoingFuture};
use crate::peer::task::spawn;
use crate::peer::{CallError, Caller};

/// Layers around outgoing calls, outermost first.
#[derive(Clone)]
pub(in crate::peer) struct ClientLayers {
    layers: Arc<[Arc<dyn ClientLayer>]>,
    /// Makes a caller inside of the layers. A pointer, so that a program without layers is linked without their code.
    around: fn(Self, Caller) -> Caller,
}

impl ClientLayers {
    /// Adds a layer inside of the others.
    pub(in crate::peer) fn with(layers: Option<&Self>, layer: impl ClientLayer) -> Self {
        let layers = layers.into_iter().flat_map(|layers| layers.layers.iter());
        let new: Arc<dyn ClientLayer> = Arc::new(layer);
        Self {
            layers: layers.cloned().chain([new]).collect(),
            around: ClientLayerChain::caller_inside,
        }
    }

    /// Returns a caller inside of the layers.
    pub(in crate::peer) fn around(self, caller: Caller) -> Caller {
        (self.around)(self, caller)
    }
}

impl fmt::Debug for ClientLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.layers.len())
    }
}

/// The layers of a caller, and the caller inside of them.
pub(in crate::peer) struct ClientLayerChain {
    layers: ClientLayers,
    caller: Caller,
}

impl ClientLayerChain {
    /// Returns a caller inside of layers.
    fn caller_inside(layers: ClientLayers, caller: Caller) -> Caller {
        Caller(CallTarget::Indirect(Arc::new(Self { layers, caller })))
    }

    /// Adds a layer inside of the others.
    pub(in crate::peer) fn with(&self, layer: impl ClientLayer) -> Caller {
        ClientLayers::with(Some(&self.layers), layer).around(self.caller.clone())
    }

    pub(super) fn layer(&self, index: usize) -> Option<&dyn ClientLayer> {
        Some(&**self.layers.layers.get(index)?)
    }

    /// Returns the caller that sends the call.
    pub(in crate::peer) fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl IndirectTarget for ClientLayerChain {
    fn send(self: Arc<Self>, call: IndirectRequest<'_>) -> Result<SentIndirectly, CallError> {
        let runtime = self.caller.runtime();
        let deadline = call.limit.and_then(|limit| {
            limit.arm(runtime.as_ref());
            limit.deadline()
        });
        let outgoing = OutgoingCall::new(self, call.method.clone(), call.params, call.kind)
            .with_terms(deadline, call.idempotent, call.has_policy)
            .with_options(call.options.cloned().map(Box::new));
        let call = LayeredCall {
            running: outgoing.enter(),
            runtime,
            start: Some(run_in_task),
        };
        Ok((IndirectCall::Layered(call), None))
    }

    fn layers(&self) -> Option<&ClientLayerChain> {
        Some(self)
    }
}

/// Aborts a task when it is dropped.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Moves a call to a task of its own, so that it runs while it is not polled. The task is aborted with the call.
fn run_in_task(running: OutgoingFuture, runtime: &Handle) -> OutgoingFuture {
    let (sender, answer) = oneshot::channel();
    let task = AbortOnDrop(spawn(runtime, async move {
        // Sending fails if the call has just been dropped.
        let _ = sender.send(running.await);
    }));
    Box::pin(async move {
        let answer = answer.await;
        drop(task);
        answer.unwrap_or_else(|_| Err(lost()))
    })
}

/// The error of a started call whose task has ended without an answer.
#[cold]
fn lost() -> CallError {
    let message = "a layer of the call has panicked, or its runtime was shut down";
    CallError::rejected(FrameworkError::NoReply, message.to_owned())
}
