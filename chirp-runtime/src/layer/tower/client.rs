use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer as TowerLayerTrait;
use tower_service::Service;

use super::TowerLayer;
use super::error::{BoxError, call_error};
use crate::peer::{
    Answered, CallError, ClientFuture, ClientLayer, ClientNext, OutgoingCall, OutgoingFuture,
};

/// The inner layers and the sending of each call, as a service of `tower`. It is always ready.
#[derive(Clone, Copy, Debug)]
pub struct CallService(());

impl Service<OutgoingCall> for CallService {
    type Response = Answered;
    type Error = CallError;
    type Future = CallServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: OutgoingCall) -> CallServiceFuture {
        CallServiceFuture(ClientFuture::new(call))
    }
}

/// The future of [`CallService`].
pub struct CallServiceFuture(ClientFuture);

impl Future for CallServiceFuture {
    type Output = Result<Answered, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl fmt::Debug for CallServiceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallServiceFuture")
    }
}

/// A service of `tower` whose type is not known.
pub(super) trait MakeCall: Send + Sync {
    fn call(&self, call: OutgoingCall) -> OutgoingFuture;
}

struct Called<S>(S);

impl<S> MakeCall for Called<S>
where
    S: Service<OutgoingCall, Response = Answered, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    fn call(&self, call: OutgoingCall) -> OutgoingFuture {
        let mut service = self.0.clone();
        Box::pin(async move {
            let ready = poll_fn(|cx| service.poll_ready(cx).map_err(Into::into)).await;
            let answer = match ready {
                Ok(()) => service.call(call).await.map_err(Into::into),
                Err(error) => Err(error),
            };
            answer.map_err(call_error)
        })
    }
}

impl<L> ClientLayer for TowerLayer<L>
where
    L: TowerLayerTrait<CallService> + Send + Sync + 'static,
    L::Service: Service<OutgoingCall, Response = Answered, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    <L::Service as Service<OutgoingCall>>::Future: Send,
{
    fn call(&self, call: OutgoingCall, _: ClientNext) -> OutgoingFuture {
        let make = || -> Box<dyn MakeCall> { Box::new(Called(self.layer.layer(CallService(())))) };
        self.client.get_or_init(make).call(call)
    }
}
