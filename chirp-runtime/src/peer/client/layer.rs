use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::codec::CodecId;
use crate::packet::{Metadata, Payload, TraceContext};
use crate::peer::client::answer::{Answer, Answered};
use crate::peer::client::call_options::CallOptions;
use crate::peer::client::layer_chain::ClientLayerChain;
use crate::peer::client::limit::CallLimit;
use crate::peer::{Call, CallError, MethodName, OneWayCall};

/// The future of an outgoing call inside of layers.
pub type OutgoingFuture = Pin<Box<dyn Future<Output = Result<Answered, CallError>> + Send>>;

/// A layer around outgoing calls: it sees each call before it is sent, and its answer.
///
/// A layer may delay a call, answer it without sending it, send a clone of it again, and change its error. Every
/// `Fn(OutgoingCall, ClientNext) -> impl Future<Output = Result<Answered, CallError>>` is a client layer:
///
/// ```
/// # mod chirp { pub use chirp_runtime::peer::*; }
/// use chirp::{AsCaller, ClientNext, OutgoingCall, Peer};
///
/// # fn wrap(peer: &Peer) {
/// let caller = peer.as_caller().with_layer(|call: OutgoingCall, next: ClientNext| async move {
///     let method = call.method().clone();
///     let answer = next.run(call).await;
///     if let Err(error) = &answer {
///         eprintln!("{method}: {error}");
///     }
///     answer
/// });
/// # }
/// ```
///
/// Layers are added to a caller ([`Caller::with_layer`](crate::peer::Caller::with_layer)), to a generated client
/// (`client.with_layer(..)`) or to all callers of a peer
/// ([`PeerBuilder::client_layer`](crate::peer::PeerBuilder::client_layer)). The layer that was added first is outermost; the
/// layers of a peer are outside of those of its callers and clients.
///
/// The time limit of the call includes its layers: after it, and when the call is dropped, the future is dropped, and with
/// it the call. A call that was started ([`Call::start`](crate::peer::Call::start)) runs in a task of its own. A panic
/// propagates to the task that awaits the call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client layer",
    label = "expected `Fn(chirp::OutgoingCall, chirp::ClientNext) -> impl Future<Output = Result<chirp::Answered, chirp::CallError>>`",
    note = "a layer of the crate `tower` is wrapped: `chirp::layer::tower(..)`, with the feature `tower`"
)]
pub trait ClientLayer: Send + Sync + 'static {
    /// Makes one call. `next` continues with the inner layers, and then sends it.
    fn call(&self, call: OutgoingCall, next: ClientNext) -> OutgoingFuture;
}

#[diagnostic::do_not_recommend]
impl<F, Fut> ClientLayer for F
where
    F: Fn(OutgoingCall, ClientNext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answered, CallError>> + Send + 'static,
{
    fn call(&self, call: OutgoingCall, next: ClientNext) -> OutgoingFuture {
        Box::pin(self(call, next))
    }
}

/// An outgoing call on its way through layers.
pub struct OutgoingCall {
    method: MethodName,
    params: Payload,
    kind: CallKind,
    deadline: Option<Instant>,
    idempotent: bool,
    /// The call has a retry policy, which repeats it from outside of the layers.
    has_policy: bool,
    options: Option<Box<CallOptions>>,
    chain: Arc<ClientLayerChain>,
    /// The index of the next layer.
    at: usize,
}

/// The kind of answer that the caller expects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CallKind {
    Value,
    /// A stream with items in this codec.
    Stream(CodecId),
    Nothing,
}

/// The item codec, if the result is a stream.
impl From<Option<CodecId>> for CallKind {
    fn from(streams: Option<CodecId>) -> Self {
        streams.map_or(Self::Value, Self::Stream)
    }
}

impl OutgoingCall {
    pub(super) fn new(
        chain: Arc<ClientLayerChain>,
        method: MethodName,
        mut params: Payload,
        kind: CallKind,
    ) -> Self {
        if !params.has_attachments() {
            // Clones share the parameters.
            params = params.into_bytes().into();
        }
        Self {
            method,
            params,
            kind,
            deadline: None,
            idempotent: false,
            has_policy: false,
            options: None,
            chain,
            at: 0,
        }
    }

    /// Sets the deadline of the call, whether it is idempotent, and whether a policy repeats it from outside of its
    /// layers.
    pub(super) fn with_terms(
        mut self,
        deadline: Option<Instant>,
        idempotent: bool,
        has_policy: bool,
    ) -> Self {
        self.deadline = deadline;
        self.idempotent = idempotent;
        self.has_policy = has_policy;
        self
    }

    pub(super) fn with_options(mut self, options: Option<Box<CallOptions>>) -> Self {
        self.options = options;
        self
    }

    /// Adds an entry of metadata, and replaces any other value of its key: see [`Call::metadata`]. An invalid key or value
    /// fails the call.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        let options = self.options.get_or_insert_default();
        options.set_metadata(key, value.as_ref());
        self
    }

    /// Returns the name of the method.
    pub fn method(&self) -> &MethodName {
        &self.method
    }

    /// Returns the encoded parameters.
    pub fn params(&self) -> &[u8] {
        self.params.as_slice()
    }

    /// Returns the deadline of the call, if it has one.
    pub fn deadline(&self) -> Option<std::time::Instant> {
        self.deadline.map(Instant::into_std)
    }

    /// Limits the time from now on, in addition to the limit that the call has.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        let at = Instant::now().checked_add(timeout);
        self.deadline = match (self.deadline, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self
    }

    /// Returns `true` if the call is marked as idempotent: it may be sent again even if it may have run.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Returns `true` if the call is one-way. Its answer is empty, and says only that it has been submitted.
    pub fn is_one_way(&self) -> bool {
        self.kind == CallKind::Nothing
    }

    /// Returns `true` if the result of the method is a stream.
    pub fn returns_stream(&self) -> bool {
        matches!(self.kind, CallKind::Stream(_))
    }

    /// Returns the metadata of the call: that of its client, and its own.
    ///
    /// # Errors
    ///
    /// [`CallError::Metadata`] if an entry is not valid.
    pub fn all_metadata(&self) -> Result<Metadata, CallError> {
        let options = self.options.as_deref();
        options.map_or(Ok(Metadata::new()), CallOptions::checked_metadata)
    }

    /// Returns the trace that the call belongs to, if one was given to the call.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.options.as_deref()?.trace()
    }

    /// Returns the encoded parameters without copying them. `None` if the arguments have streams.
    pub fn params_bytes(&self) -> Option<Bytes> {
        (!self.has_streams()).then(|| self.params.clone().into_bytes())
    }

    /// Returns `true` if the arguments have streams. Such a call can be sent once.
    pub fn has_streams(&self) -> bool {
        self.params.has_attachments()
    }

    /// Returns a copy of the call, to send it again. `None` if the arguments have streams, which exist once.
    pub fn try_clone(&self) -> Option<Self> {
        (!self.has_streams()).then(|| Self {
            method: self.method.clone(),
            params: self.params.clone(),
            kind: self.kind,
            deadline: self.deadline,
            idempotent: self.idempotent,
            has_policy: self.has_policy,
            options: self.options.clone(),
            chain: Arc::clone(&self.chain),
            at: self.at,
        })
    }

    /// Begins with the outermost layer.
    pub(super) fn enter(self) -> OutgoingFuture {
        match self.proceed().0 {
            ClientState::Layer(future) => future,
            state => Box::pin(ClientFuture(state)),
        }
    }

    /// Continues with the next layer, or sends the call.
    fn proceed(mut self) -> ClientFuture {
        let chain = Arc::clone(&self.chain);
        if let Some(layer) = chain.layer(self.at) {
            self.at += 1;
            return ClientFuture(ClientState::Layer(layer.call(self, ClientNext(()))));
        }
        let (caller, method, params) = (chain.caller().clone(), self.method, Ok(self.params));
        let mut call = match self.kind {
            CallKind::Nothing => {
                let call = OneWayCall::new(caller, method, params).with_options(self.options);
                return ClientFuture(ClientState::OneWay(call));
            }
            CallKind::Value => Call::new(caller, method, params, |answer, _| answer),
            CallKind::Stream(codec) => {
                Call::streaming(caller, method, params, codec, |answer, _| answer)
            }
        };
        call = call.with_options(self.options);
        if let Some(deadline) = self.deadline {
            call = call.limited(CallLimit::Deadline(deadline));
        }
        if self.idempotent {
            call = call.idempotent();
        }
        if self.has_policy {
            call = call.without_policy_of_source();
        }
        ClientFuture(ClientState::Call(call))
    }
}

impl fmt::Debug for OutgoingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingCall")
            .field("method", &self.method)
            .field("kind", &self.kind)
            .field("deadline", &self.deadline)
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
}

/// The part of a call inside of a [`ClientLayer`]: the inner layers, and then the call itself.
#[derive(Clone, Copy, Debug)]
pub struct ClientNext(());

impl ClientNext {
    /// Continues with the call. A layer may do so several times, with clones of the call. Dropping the future cancels the
    /// call.
    pub fn run(self, call: OutgoingCall) -> ClientFuture {
        ClientFuture::new(call)
    }
}

/// The answer of the inner layers and the callee: see [`ClientNext::run`].
#[must_use = "the call is sent when this is awaited"]
pub struct ClientFuture(ClientState);

enum ClientState {
    Layer(OutgoingFuture),
    Call(Call<Answered>),
    OneWay(OneWayCall),
}

impl ClientFuture {
    pub(crate) fn new(call: OutgoingCall) -> Self {
        call.proceed()
    }
}

impl Future for ClientFuture {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        match &mut self.0 {
            ClientState::Layer(future) => future.as_mut().poll(cx),
            ClientState::Call(call) => Pin::new(call).poll(cx),
            ClientState::OneWay(call) => {
                let sent = Pin::new(call).poll(cx);
                sent.map_ok(|()| Bytes::new().into())
            }
        }
    }
}

impl fmt::Debug for ClientFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientFuture")
    }
}
