//! A server to which responses are posted.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chirp::requests::Destinations;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use crate::support::in_time;

/// A response that has been posted.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Posted {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
            .to_str()
            .unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Answer = Box<dyn FnOnce() -> Response + Send>;

#[derive(Clone)]
struct Shared {
    posted: mpsc::UnboundedSender<Posted>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    /// Told when a response has the status 204.
    taken: Arc<Notify>,
}

pub(crate) struct HookServer {
    pub(crate) address: SocketAddr,
    posted: mpsc::UnboundedReceiver<Posted>,
    shared: Shared,
}

impl HookServer {
    /// Listens on a free port, and answers each response with the status 204, after the answers that are given to it.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener)
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, posted) = mpsc::unbounded_channel();
        let shared = Shared {
            posted: sender,
            answers: Arc::default(),
            taken: Arc::default(),
        };
        let app = axum::Router::new()
            .fallback(receive)
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            posted,
            shared,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn destinations(&self) -> Destinations {
        Destinations::new()
            .allow(&format!("http://{}", self.address))
            .unwrap()
    }

    /// Answers the next response with this.
    pub(crate) fn answer(&self, answer: impl IntoResponse + Send + 'static) {
        let answer: Answer = Box::new(|| answer.into_response());
        self.shared.answers.lock().unwrap().push_back(answer);
    }

    /// Takes back all answers that have not been given, and waits until a response has had the status 204.
    pub(crate) async fn take_back_answers(&self) {
        self.shared.answers.lock().unwrap().clear();
        in_time(self.shared.taken.notified()).await;
    }

    /// Waits for the next response.
    pub(crate) async fn next(&mut self) -> Posted {
        in_time(self.posted.recv()).await.unwrap()
    }

    /// Returns `true` if no other response has been posted.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.posted.try_recv().is_err()
    }
}

async fn receive(
    State(shared): State<Shared>,
    request: http::request::Parts,
    body: Bytes,
) -> Response {
    // A test may be over.
    let _ = shared.posted.send(Posted {
        path: request.uri.path().to_owned(),
        headers: request.headers,
        body,
    });
    let answer = shared.answers.lock().unwrap().pop_front();
    if let Some(answer) = answer {
        return answer();
    }
    shared.taken.notify_one();
    StatusCode::NO_CONTENT.into_response()
}
