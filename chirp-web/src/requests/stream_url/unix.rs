//! Sockets that have one stream each.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::Duration;

use chirp_runtime::channel::{Channel, Endpoint, Listener};
use http::{Request, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::folder::ENDING;
use super::parked_stream::{ParkedStream, ReadStage};
use super::stream_urls::StreamUrlError;
use super::token::StreamToken;
use crate::http::client_io::{ClientIo, RequestBody, ResponseState};
use crate::http::problem::Problem;
use crate::task::boxed;

/// The connections that a socket serves at once. One is enough for a reader; others may ask with HEAD, or come too late.
const MAX_CONNECTIONS: usize = 4;

/// The time for the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for which a reader gets the rest of a response after it has closed its half of the connection.
const HALF_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after a connection could not be accepted, as when descriptors are exhausted.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that has one stream. Dropping it removes its file.
pub(super) struct OfferSocket {
    listener: Box<dyn Listener>,
    path: PathBuf,
}

impl OfferSocket {
    pub(super) async fn listen(folder: &Path, token: StreamToken) -> Result<Self, StreamUrlError> {
        let failed = |error| StreamUrlError::Socket(folder.to_owned(), error);
        if folder.to_str().is_none() {
            // A URL is text.
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        }
        let path = folder.join(format!("{token}{ENDING}"));
        let endpoint = Endpoint::Unix {
            path: path.clone(),
            mode: Some(0o600),
        };
        match endpoint.listen().await {
            Ok(listener) => Ok(Self { listener, path }),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("unix:{}", self.path.display())
    }

    /// Serves the stream until a reader has come or the stream has ended, and then what has been accepted.
    pub(super) async fn serve(
        mut self,
        stream: Weak<ParkedStream>,
        mut stage: watch::Receiver<ReadStage>,
    ) {
        let mut connections = JoinSet::new();
        loop {
            let has_room = connections.len() < MAX_CONNECTIONS;
            tokio::select! {
                () = left_waiting(&mut stage) => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept(), if has_room => match accepted {
                    Ok(channel) => {
                        let serving = serve_connection(channel, Weak::clone(&stream));
                        connections.spawn(boxed(serving));
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        }
        // From here on nobody finds the socket.
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

/// Waits until a stream has a reader or has ended.
async fn left_waiting(stage: &mut watch::Receiver<ReadStage>) {
    // The stage fails to arrive only if the stream is gone.
    let _ = stage.wait_for(|stage| *stage != ReadStage::Waiting).await;
}

/// Answers one request.
async fn serve_connection(channel: Channel, stream: Weak<ParkedStream>) {
    let state = ResponseState::default();
    let io = ClientIo::new(channel, state.clone(), HALF_CLOSE_TIMEOUT, Duration::MAX);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (parts, body) = request.into_parts();
        // The body is not read: this notes whether there is one.
        drop(RequestBody::new(body, &state));
        let response = match stream.upgrade() {
            Some(stream) if parts.uri.path() == "/" => stream.answer(&parts),
            Some(_) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "the path / has the stream",
            )),
            None => Err(Problem::new(StatusCode::GONE, "the stream has ended")),
        };
        let response = response.unwrap_or_else(Problem::into_response);
        let guard = state.guard();
        ready(Ok::<_, Infallible>(
            response.map(|body| body.with_guard(guard)),
        ))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(io), service);
    // An error concerns this connection alone: a reader that went away ends the stream.
    let _ = connection.await;
}
