use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use chirp_runtime::channel::{Channel, Endpoint, Identity, Incoming, Listener};
use http::{Extensions, Request, Response, StatusCode};
use hyper::rt::{Read as _, Write as _};
use hyper::upgrade::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use super::connection::{ChannelInfo, WebSocketConnection};
use super::frame::Side;
use super::settings::Settings;
use super::upgrade::{self, Refused};

/// Accepted handshakes that the server has not taken, at most.
const BACKLOG: usize = 64;

/// Creates the two parts of a server within another HTTP server.
pub(super) fn service(
    settings: Arc<Settings>,
    into_channel: fn(WebSocketConnection) -> Channel,
) -> (WebSocketService, UpgradeListener) {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let service = WebSocketService {
        settings,
        into_channel,
        accepted: sender,
    };
    let endpoint = "ws+upgrade:".parse().expect("an address of a scheme");
    (service, UpgradeListener { endpoint, receiver })
}

/// Answers handshakes in a program of hyper or axum, beside other routes. Made by [`WebSocket::service`](super::WebSocket::service).
///
/// It is a [`tower_service::Service`] for requests with any body. Requests that are no valid handshakes are answered with
/// status 400, 401, 403 or 426, and with 503 if the server does not take connections. The address of the client is taken from
/// the extensions of the request, if there is an [`Endpoint`] or a [`SocketAddr`], and so is an [`Identity`].
#[derive(Clone, Debug)]
pub struct WebSocketService {
    settings: Arc<Settings>,
    into_channel: fn(WebSocketConnection) -> Channel,
    accepted: mpsc::Sender<Incoming>,
}

impl WebSocketService {
    async fn answer<B>(self, mut request: Request<B>) -> Response<String> {
        let on_upgrade = hyper::upgrade::on(&mut request);
        let (head, _body) = request.into_parts();
        let mut info = client_info(&head.extensions);
        let accepted = match upgrade::check(&self.settings, head, None).await {
            Ok(accepted) => accepted,
            Err(Refused(answer)) => return *answer,
        };
        if let Some(identity) = accepted.identity {
            info.identity = identity;
        }
        let remote = info.remote.clone();
        let into_channel = self.into_channel;
        // Resolves once the answer has been sent.
        let handshake = async move {
            let upgraded = on_upgrade.await.map_err(io::Error::other)?;
            let (reader, writer) = tokio::io::split(UpgradedIo(upgraded));
            Ok(into_channel(WebSocketConnection {
                reader: Box::new(reader),
                early: Bytes::new(),
                writer: Box::new(writer),
                side: Side::Server,
                info,
            }))
        };
        match self
            .accepted
            .try_send(Incoming::unfinished(remote, handshake))
        {
            Ok(()) => accepted.answer,
            Err(error) => {
                let text = match error {
                    mpsc::error::TrySendError::Full(_) => "too many connections wait to be served",
                    mpsc::error::TrySendError::Closed(_) => "the server has stopped",
                };
                *Refused::new(StatusCode::SERVICE_UNAVAILABLE, text).0
            }
        }
    }
}

impl<B: Send + 'static> tower_service::Service<Request<B>> for WebSocketService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.clone().answer(request);
        Box::pin(async { Ok(answer.await) })
    }
}

/// Returns what the program knows about a client.
fn client_info(extensions: &Extensions) -> ChannelInfo {
    let address = |address: &SocketAddr| Endpoint::Tcp {
        host: address.ip().to_string(),
        port: address.port().to_string(),
    };
    let endpoint = extensions.get::<Endpoint>().cloned();
    ChannelInfo {
        remote: endpoint.or_else(|| extensions.get().map(address)),
        credentials: None,
        identity: extensions.get::<Identity>().cloned().unwrap_or_default(),
    }
}

/// Accepts the connections of a [`WebSocketService`]. Its address is `ws+upgrade:`, which cannot be connected to: only the
/// program's routes know the address of the service.
#[derive(Debug)]
pub struct UpgradeListener {
    endpoint: Endpoint,
    receiver: mpsc::Receiver<Incoming>,
}

#[async_trait]
impl Listener for UpgradeListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A server calls [`incoming`](Listener::incoming) instead, which is cancel safe; this method loses a connection if it is
    /// dropped between the answer and the upgrade.
    async fn accept(&mut self) -> io::Result<Channel> {
        match self.receiver.recv().await {
            Some(incoming) => incoming.finish().await,
            None => Err(io::Error::other(
                "all services of this listener have been dropped",
            )),
        }
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        Ok(self.receiver.recv().await)
    }
}

/// A connection that hyper has upgraded.
struct UpgradedIo(Upgraded);

impl AsyncRead for UpgradedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut unfilled = hyper::rt::ReadBuf::new(buf.initialize_unfilled());
        ready!(Pin::new(&mut self.0).poll_read(cx, unfilled.unfilled()))?;
        let read = unfilled.filled().len();
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for UpgradedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
