use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer as TowerLayerTrait;
use tower_service::Service;

use super::TowerLayer;
use super::error::{BoxError, error_data};
use crate::peer::{HandlerFuture, InboundRequest, Layer, Next, NextFuture, Reply};

/// The inner layers and the handler of each call, as a service of `tower`. It is always ready and never fails: errors are
/// replies.
#[derive(Clone, Copy, Debug)]
pub struct NextService(());

impl Service<InboundRequest> for NextService {
    type Response = Reply;
    type Error = Infallible;
    type Future = NextServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: InboundRequest) -> NextServiceFuture {
        NextServiceFuture(NextFuture::new(request))
    }
}

/// The future of [`NextService`].
pub struct NextServiceFuture(NextFuture);

impl Future for NextServiceFuture {
    type Output = Result<Reply, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}

impl fmt::Debug for NextServiceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextServiceFuture")
    }
}

/// A service of `tower` whose type is not known.
pub(super) trait ServeCall: Send + Sync {
    fn serve(&self, request: InboundRequest) -> HandlerFuture;
}

struct Served<S>(S);

impl<S> ServeCall for Served<S>
where
    S: Service<InboundRequest, Response: Into<Reply>, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    fn serve(&self, request: InboundRequest) -> HandlerFuture {
        let mut service = self.0.clone();
        Box::pin(async move {
            let ready = poll_fn(|cx| service.poll_ready(cx).map_err(Into::into)).await;
            let served = match ready {
                Ok(()) => service.call(request).await.map_err(Into::into),
                Err(error) => Err(error),
            };
            match served {
                Ok(reply) => reply.into(),
                Err(error) => Reply::Error(error_data(error)),
            }
        })
    }
}

impl<L> Layer for TowerLayer<L>
where
    L: TowerLayerTrait<NextService> + Send + Sync + 'static,
    L::Service: Service<InboundRequest, Response: Into<Reply>, Error: Into<BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
    <L::Service as Service<InboundRequest>>::Future: Send,
{
    fn handle(&self, request: InboundRequest, _: Next) -> HandlerFuture {
        let make = || -> Box<dyn ServeCall> { Box::new(Served(self.layer.layer(NextService(())))) };
        self.server.get_or_init(make).serve(request)
    }
}
