use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::packet::FrameworkError;
use crate::peer::client::answer::Answer;
use crate::peer::client::layer::{ClientLayer, OutgoingCall, OutgoingFuture};
use crate::peer::task::spawn;
use crate::peer::{CallError, Caller};

/// Layers around outgoing calls, outermost first.
#[derive(Clone)]
pub(in crate::peer) struct ClientLayers(Arc<[Arc<dyn ClientLayer>]>);

impl ClientLayers {
    /// Adds a layer inside of the others.
    pub(in crate::peer) fn with(layers: Option<&Self>, layer: impl ClientLayer) -> Self {
        let layers = layers.into_iter().flat_map(|layers| layers.0.iter());
        let new: Arc<dyn ClientLayer> = Arc::new(layer);
        Self(layers.cloned().chain([new]).collect())
    }
}

impl fmt::Debug for ClientLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.len())
    }
}

/// The layers of a caller, and the caller inside of them.
pub(in crate::peer) struct ClientLayerChain {
    layers: ClientLayers,
    caller: Caller,
}

impl ClientLayerChain {
    pub(in crate::peer) fn new(layers: ClientLayers, caller: Caller) -> Arc<Self> {
        Arc::new(Self { layers, caller })
    }

    /// Adds a layer inside of the others.
    pub(in crate::peer) fn with(&self, layer: impl ClientLayer) -> Arc<Self> {
        let layers = ClientLayers::with(Some(&self.layers), layer);
        Self::new(layers, self.caller.clone())
    }

    pub(super) fn layer(&self, index: usize) -> Option<&dyn ClientLayer> {
        Some(&**self.layers.0.get(index)?)
    }

    /// Returns the caller that sends the call.
    pub(in crate::peer) fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// A call that passes layers. It is polled together with its call, unless it was started.
pub(in crate::peer) struct LayeredCall {
    state: LayeredState,
    runtime: Option<Handle>,
}

enum LayeredState {
    Running(OutgoingFuture),
    /// The call has a task of its own, which is aborted with the call.
    Started {
        answer: oneshot::Receiver<Answer>,
        _task: AbortOnDrop,
    },
    Over,
}

/// Aborts a task when it is dropped.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LayeredCall {
    pub(in crate::peer) fn new(call: OutgoingCall, runtime: Option<Handle>) -> Self {
        Self {
            state: LayeredState::Running(call.enter()),
            runtime,
        }
    }

    pub(in crate::peer) fn runtime(&self) -> Option<Handle> {
        self.runtime.clone()
    }

    /// Moves the call to a task of its own, so that it runs while it is not polled. Outside of a runtime it runs when it
    /// is polled.
    pub(in crate::peer) fn start(&mut self) {
        let Some(runtime) = &self.runtime else { return };
        self.state = match mem::replace(&mut self.state, LayeredState::Over) {
            LayeredState::Running(running) => {
                let (sender, answer) = oneshot::channel();
                let task = spawn(runtime, async move {
                    // Sending fails if the call has just been dropped.
                    let _ = sender.send(running.await);
                });
                LayeredState::Started {
                    answer,
                    _task: AbortOnDrop(task),
                }
            }
            state => state,
        };
    }

    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        match &mut self.state {
            LayeredState::Running(running) => running.as_mut().poll(cx),
            LayeredState::Started { answer, .. } => {
                let answer = ready!(Pin::new(answer).poll(cx));
                Poll::Ready(answer.unwrap_or_else(|_| Err(lost())))
            }
            LayeredState::Over => Poll::Ready(Err(lost())),
        }
    }
}

/// The error of a started call whose task has ended without an answer.
#[cold]
fn lost() -> CallError {
    let message = "a layer of the call has panicked, or its runtime was shut down";
    CallError::rejected(FrameworkError::NoReply, message.to_owned())
}
