use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use http::header::{ALLOW, CACHE_CONTROL, HeaderMap, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower_service::Service;

use super::delivery::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use super::timestamp::unix_time;
use super::{DeferredId, HookResponse, SigningSecret};
use crate::http::ResponseBody;
use crate::http::request_body;

/// The time limit for the body of a response.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The number of remembered IDs of responses, so that a response that is delivered again is not handled again.
const MAX_KNOWN: usize = 10_000;

/// Receives the responses of deferred requests, verifies them, and hands each to the future that waits for it, or to a function.
///
/// The receiver is a service for programs of axum, hyper and tower. Clones share everything.
///
/// ```
/// # mod chirp { pub use chirp_web::requests; }
/// use chirp::requests::{HookReceiver, SigningSecret};
///
/// # async fn example(secret: SigningSecret) -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = HookReceiver::new(secret);
/// // In a program of axum: Router::new().nest_service("/hooks", receiver.clone())
/// let ticket = receiver.expect("https://me.example.com/hooks")?;
/// // Send a request with the header `Chirp-Respond-To: <ticket.url()>`; then:
/// let sum: i64 = ticket.await?.result::<i64, String>()?;
/// # Ok(()) }
/// ```
///
/// A response has the status 204 once it has been handed on, 401 if its signature is none of a secret of the receiver's or if it is
/// older or newer than [`tolerance`](Self::tolerance), and 400 if it is malformed. One that nothing waits for (any more) has the
/// status 204, too, so that it is not delivered again, and is dropped.
#[derive(Clone)]
pub struct HookReceiver {
    secrets: Arc<[SigningSecret]>,
    tolerance: Duration,
    max_body: usize,
    max_waiting: usize,
    handler: Option<Arc<dyn Fn(HookResponse) + Send + Sync>>,
    waiting: Arc<Mutex<WaitingHooks>>,
}

#[derive(Default)]
struct WaitingHooks {
    tickets: HashMap<DeferredId, oneshot::Sender<HookResponse>>,
    /// The IDs of responses that have been handed on, in that order.
    known: HashSet<DeferredId>,
    order: VecDeque<DeferredId>,
}

/// The future of a response that is posted to a URL of its own. Dropping it withdraws the URL: a response that comes later is dropped.
#[must_use = "the response is that of the request that names the ticket's URL"]
pub struct HookTicket {
    token: DeferredId,
    url: String,
    response: oneshot::Receiver<HookResponse>,
    waiting: Arc<Mutex<WaitingHooks>>,
}

/// A receiver cannot wait for another response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// As many responses are waited for as may be.
    #[error("too many responses are waited for: at most {limit} (`HookReceiver::max_waiting`)")]
    TooManyWaiting {
        /// The limit.
        limit: usize,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandomNumbers,
    /// The receiver is gone.
    #[error("the receiver of responses is gone")]
    Gone,
}

impl HookReceiver {
    /// Creates a receiver of responses that are signed with this secret.
    pub fn new(secret: SigningSecret) -> Self {
        Self {
            secrets: Arc::new([secret]),
            tolerance: Duration::from_mins(5),
            max_body: 8 << 20,
            max_waiting: 10_000,
            handler: None,
            waiting: Arc::default(),
        }
    }

    /// Accepts responses that are signed with this secret, too: while a secret is replaced, and from several gateways.
    #[must_use]
    pub fn also_verify_with(mut self, secret: SigningSecret) -> Self {
        let secrets = self.secrets.iter().cloned();
        self.secrets = secrets.chain([secret]).collect();
        self
    }

    /// Sets how far the time at which a response was sent may be from the time of this machine. 5 minutes by default. So a response
    /// that somebody has recorded cannot be sent again later.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest response, in bytes. 8 MiB by default. A larger one has the status 413, and is not delivered again.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets how many responses may be waited for at once. 10,000 by default.
    #[must_use]
    pub fn max_waiting(mut self, responses: usize) -> Self {
        self.max_waiting = responses;
        self
    }

    /// Hands responses that no [ticket](Self::expect) waits for to a function, instead of dropping them: those to a fixed URL, and those
    /// of requests of an earlier run of the program. A response that is delivered again is handed on once, as far as the last 10,000
    /// responses are remembered, and once more if the function panicked.
    #[must_use]
    pub fn on_response(mut self, handle: impl Fn(HookResponse) + Send + Sync + 'static) -> Self {
        self.handler = Some(Arc::new(handle));
        self
    }

    /// Waits for a response at a URL below `base`, the URL at which the sender reaches this receiver. The URL ends with 128 random
    /// bits, and takes one response.
    ///
    /// # Errors
    ///
    /// [`HookError::TooManyWaiting`], or [`HookError::NoRandomNumbers`].
    pub fn expect(&self, base: &str) -> Result<HookTicket, HookError> {
        let token = DeferredId::random().map_err(|_| HookError::NoRandomNumbers)?;
        let (sender, response) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.tickets.len() >= self.max_waiting {
            let limit = self.max_waiting;
            return Err(HookError::TooManyWaiting { limit });
        }
        waiting.tickets.insert(token, sender);
        drop(waiting);
        Ok(HookTicket {
            token,
            url: format!("{}/{token}", base.trim_end_matches('/')),
            response,
            waiting: Arc::clone(&self.waiting),
        })
    }

    async fn receive<B>(&self, request: Request<B>) -> StatusCode
    where
        B: Body + Send,
        B::Data: Send,
    {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let body = pin!(body);
        let read = request_body::read_whole(&parts.headers, body, self.max_body);
        let body = match timeout(BODY_TIME, read).await {
            Ok(Ok(body)) => body,
            Ok(Err(problem)) => return problem.status(),
            Err(_) => return StatusCode::REQUEST_TIMEOUT,
        };
        if !self.verifies(&parts.headers, &body) {
            return StatusCode::UNAUTHORIZED;
        }
        let Some(response) = HookResponse::parse(&body) else {
            return StatusCode::BAD_REQUEST;
        };
        self.hand_on(parts.uri.path(), response);
        StatusCode::NO_CONTENT
    }

    /// Checks the signature of a response, and the time at which it was sent.
    fn verifies(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(timestamp), Some(signatures)) = (
            text(&WEBHOOK_ID),
            text(&WEBHOOK_TIMESTAMP),
            text(&WEBHOOK_SIGNATURE),
        ) else {
            return false;
        };
        let now = unix_time(SystemTime::now()).as_secs();
        let is_recent = timestamp
            .parse::<u64>()
            .is_ok_and(|sent| now.abs_diff(sent) <= self.tolerance.as_secs());
        let mut secrets = self.secrets.iter();
        is_recent && secrets.any(|secret| secret.verifies(id, timestamp, body, signatures))
    }

    fn hand_on(&self, path: &str, response: HookResponse) {
        let id = response.id();
        let token = path.rsplit('/').next().and_then(|token| token.parse().ok());
        let mut waiting = lock(&self.waiting);
        if !waiting.remember(id) {
            return;
        }
        let ticket = token.and_then(|token: DeferredId| waiting.tickets.remove(&token));
        drop(waiting);
        let left = match ticket {
            Some(ticket) => ticket.send(response).err(),
            None => Some(response),
        };
        if let (Some(response), Some(handle)) = (left, &self.handler) {
            let handling = Handling {
                waiting: &self.waiting,
                id,
                has_ended: false,
            };
            handle(response);
            handling.end();
        }
    }
}

/// The handling of a response by a function. If it panics, the response is not known, so that it is handled when it is delivered again.
struct Handling<'r> {
    waiting: &'r Mutex<WaitingHooks>,
    id: DeferredId,
    has_ended: bool,
}

impl Handling<'_> {
    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            lock(self.waiting).forget(self.id);
        }
    }
}

impl WaitingHooks {
    /// Returns `false` for a response that has been handed on before.
    fn remember(&mut self, id: DeferredId) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    fn forget(&mut self, id: DeferredId) {
        self.known.remove(&id);
        self.order.retain(|known| *known != id);
    }
}

impl HookTicket {
    /// Returns the URL for the header `Chirp-Respond-To`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Future for HookTicket {
    type Output = Result<HookResponse, HookError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = Pin::new(&mut self.response).poll(cx);
        response.map(|response| response.map_err(|_| HookError::Gone))
    }
}

impl Drop for HookTicket {
    fn drop(&mut self) {
        lock(&self.waiting).tickets.remove(&self.token);
    }
}

impl<B> Service<Request<B>> for HookReceiver
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let receiver = self.clone();
        Box::pin(async move {
            let status = receiver.receive(request).await;
            let mut response = Response::new(ResponseBody::empty());
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if status == StatusCode::METHOD_NOT_ALLOWED {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            Ok(response)
        })
    }
}

fn lock(waiting: &Mutex<WaitingHooks>) -> MutexGuard<'_, WaitingHooks> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for HookReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookReceiver")
            .field("waiting", &lock(&self.waiting).tickets.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HookTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HookTicket").finish()
    }
}
