use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::header::{
    ALLOW, CONNECTION, HeaderName, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_service::Service;

use super::authenticate::Authenticated;
use super::body::ResponseBody;
use super::calling::{self, CallRequest};
use super::cross_origin;
#[cfg(feature = "requests")]
use super::deferred::{self, Deferrals, DeferredCall};
use super::document_cache::DocumentCache;
use super::media_type::MediaType;
use super::page;
use super::problem::Problem;
use super::server::ClientInfo;
use super::settings::Settings;
use super::target::{self, Interface, Target};
#[cfg(feature = "requests")]
use super::url_arguments::UrlArguments;
use crate::origin_policy::{OriginError, RequestSource};

/// Tells whether a browser opens a page, or a page sends a request.
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Answers the requests of a gateway: a service for programs of axum, hyper and tower. Clones share everything.
///
/// The service reads the path of the request as it is, so it is at the root, or nested where the outer router removes the
/// prefix, as `nest_service` of axum does.
#[derive(Clone)]
pub struct GatewayService {
    pub(super) core: Arc<GatewayCore>,
}

pub(super) struct GatewayCore {
    pub(super) settings: Settings,
    targets: Arc<[Target]>,
    #[cfg(feature = "requests")]
    deferrals: Option<Deferrals>,
    documents: DocumentCache,
    descriptions: DocumentCache,
    pub(super) calls: Arc<Semaphore>,
    is_draining: AtomicBool,
}

impl GatewayService {
    pub(super) fn new(settings: Settings, targets: Vec<Target>) -> Self {
        let calls = settings.max_concurrent_calls.min(Semaphore::MAX_PERMITS);
        let targets: Arc<[Target]> = targets.into();
        #[cfg(feature = "requests")]
        let deferrals = settings.requests.clone();
        Self {
            core: Arc::new(GatewayCore {
                #[cfg(feature = "requests")]
                deferrals: deferrals.map(|requests| {
                    Deferrals::new(requests, Arc::clone(&targets), UrlArguments::of(&settings))
                }),
                settings,
                targets,
                documents: DocumentCache::open_api(),
                descriptions: DocumentCache::descriptions(),
                calls: Arc::new(Semaphore::new(calls)),
                is_draining: AtomicBool::new(false),
            }),
        }
    }

    /// Refuses requests for calls from now on, with the status 503 and `Retry-After`. Calls in progress go on. A program that shuts
    /// down calls this first, so that a load balancer sends requests elsewhere.
    pub fn drain(&self) {
        self.core.is_draining.store(true, Ordering::Relaxed);
    }

    /// Goes on with the deferred requests that an earlier gateway has left in the store. A
    /// [`GatewayServer`](super::GatewayServer) does this itself; other programs call this once when they start. Without a store
    /// ([`DeferredRequests::store`](crate::requests::DeferredRequests::store)) there is nothing to do.
    #[cfg(feature = "requests")]
    pub async fn resume_requests(&self) {
        if let Some(deferrals) = &self.core.deferrals {
            deferrals.resume().await;
        }
    }

    /// Waits until no deferred request is open: each has been delivered, given up or cancelled. Cancel safe. A program that shuts down
    /// calls this after [`drain`](Self::drain), with a time limit.
    #[cfg(feature = "requests")]
    pub async fn requests_ended(&self) {
        if let Some(deferrals) = &self.core.deferrals {
            deferrals.idle().await;
        }
    }

    /// Stops the tasks of deferred requests. Those that are open are left to the store.
    #[cfg(feature = "requests")]
    pub(super) fn stop_requests(&self) {
        if let Some(deferrals) = &self.core.deferrals {
            deferrals.stop();
        }
    }
}

impl<B> Service<Request<B>> for GatewayService
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
        let core = Arc::clone(&self.core);
        Box::pin(async move { Ok(core.respond(None, request).await) })
    }
}

impl GatewayCore {
    /// Answers a request. `client` is the connection of the request, unless the extensions of the request have it.
    pub(super) async fn respond<B>(
        &self,
        client: Option<&ClientInfo>,
        request: Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let (parts, body) = request.into_parts();
        let mut response = match self.check_source(&parts) {
            Err(error) => refused(&error).into_response(),
            Ok(source) => {
                let client = client.or_else(|| parts.extensions.get());
                let response = self.answer(source, client, &parts, body).await;
                let mut response = response.unwrap_or_else(Problem::into_response);
                cross_origin::allow(source, &parts, response.headers_mut());
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn answer<B>(
        &self,
        source: RequestSource,
        client: Option<&ClientInfo>,
        parts: &Parts,
        body: B,
    ) -> Result<Response<ResponseBody>, Problem>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        if cross_origin::is_question(parts) {
            return Ok(self.answer_question(source, parts));
        }
        let path = parts.uri.path();
        #[cfg(feature = "requests")]
        if let Some(urls) = &self.settings.stream_urls
            && let Some(token) = path.strip_prefix("/streams/")
        {
            return urls.answer(parts, token);
        }
        #[cfg(feature = "requests")]
        if let Some(deferrals) = &self.deferrals
            && let Some(id) = path.strip_prefix(deferred::PATH)
        {
            let sender = self.authenticate(client, parts).await?;
            return deferred::answer_status(deferrals, parts, id, &sender).await;
        }
        let Some(name) = path.strip_prefix("/call/") else {
            return match path {
                "/" | "" if self.settings.has_page => read_only(parts).map(|()| page::response()),
                "/openapi.json" => {
                    self.answer_description(client, parts, &self.documents)
                        .await
                }
                "/description.json" => {
                    self.answer_description(client, parts, &self.descriptions)
                        .await
                }
                _ => Err(Problem::new(
                    StatusCode::NOT_FOUND,
                    "methods are called by POST /call/<name>, and listed at /openapi.json",
                )),
            };
        };
        self.answer_call(name, client, parts, body).await
    }

    /// Checks where a request comes from. A link on any page may lead to the page of the gateway, which does nothing by itself, and
    /// to a stream, whose URL is a secret.
    fn check_source(&self, parts: &Parts) -> Result<RequestSource, OriginError> {
        let origins = &self.settings.origins;
        let linked = is_page(parts);
        #[cfg(feature = "requests")]
        let linked = linked || self.is_stream(parts);
        if linked
            && parts
                .headers
                .get(&SEC_FETCH_MODE)
                .is_some_and(|mode| mode == "navigate")
        {
            return origins.check_host(parts).map(|_| RequestSource::Own);
        }
        origins.check_with_own_pages(parts)
    }

    #[cfg(feature = "requests")]
    fn is_stream(&self, parts: &Parts) -> bool {
        self.settings.stream_urls.is_some()
            && parts.method == Method::GET
            && parts.uri.path().starts_with("/streams/")
    }

    /// Describes the methods that the sender may call.
    async fn answer_description(
        &self,
        client: Option<&ClientInfo>,
        parts: &Parts,
        documents: &DocumentCache,
    ) -> Result<Response<ResponseBody>, Problem> {
        read_only(parts)?;
        let sender = self.authenticate(client, parts).await?;
        let Ok(_permit) = self.calls.try_acquire() else {
            return Err(Problem::busy("too many calls are in progress"));
        };
        let described = timeout(self.settings.timeout, self.interfaces()).await;
        let interfaces =
            described.unwrap_or_else(|_| Err(Problem::busy("the services are not connected")))?;
        let access = self.settings.access.as_ref();
        let document = documents.document(interfaces, self.settings.forms(), |name| {
            access.is_none_or(|access| access.allows(&sender.identity, name.as_bytes()))
        });
        let may_be_kept = sender.identity.is_anonymous() && self.settings.authenticate.is_none();
        Ok(calling::result_response(
            parts,
            MediaType::Json,
            document.json,
            Some(document.tag),
            may_be_kept,
        ))
    }

    /// Returns the interfaces of all targets that can be described. Fails if there is none.
    async fn interfaces(&self) -> Result<Vec<Arc<Interface>>, Problem> {
        let mut interfaces = Vec::with_capacity(self.targets.len());
        let mut failed = None;
        for target in self.targets.iter() {
            match target.interface().await {
                Ok(interface) => interfaces.push(interface),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if interfaces.is_empty() => Err(Problem::of_description(&error)),
            _ => Ok(interfaces),
        }
    }

    /// Answers which requests a page may send, the same for all names: a browser asks without proof of an identity.
    fn answer_question(&self, source: RequestSource, parts: &Parts) -> Response<ResponseBody> {
        let mut response = calling::empty(StatusCode::NO_CONTENT);
        let path = parts.uri.path();
        let methods = if path.starts_with("/call/") {
            calling::allowed_methods(self.settings.allow_get)
        } else if path.starts_with("/requests/") {
            HeaderValue::from_static("GET, HEAD, DELETE")
        } else {
            HeaderValue::from_static("GET, HEAD")
        };
        cross_origin::allow_request(source, parts, &methods, response.headers_mut());
        response
    }

    async fn answer_call<B>(
        &self,
        name: &str,
        client: Option<&ClientInfo>,
        parts: &Parts,
        body: B,
    ) -> Result<Response<ResponseBody>, Problem>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        if self.is_draining.load(Ordering::Relaxed) {
            let close = HeaderValue::from_static("close");
            return Err(Problem::busy("shutting down").header(CONNECTION, close));
        }
        let name = if name.contains('%') {
            let name = percent_decode_str(name).decode_utf8();
            name.map_err(|_| target::unknown_method())?
        } else {
            Cow::Borrowed(name)
        };
        let sender = self.authenticate(client, parts).await?;
        let found = if let Some(method) = target::lookup(&self.targets, &name) {
            Ok(method)
        } else {
            let found = target::find(&self.targets, &name);
            let found = timeout(self.settings.timeout, found).await;
            found.unwrap_or_else(|_| Err(Problem::busy("the service is not connected")))
        };
        // Access is checked against the method that would run. A caller without rights cannot probe for names.
        let own_name = found.as_ref().map(|method| &*method.description().name);
        self.check_access(&sender, own_name.unwrap_or(&name))?;
        let method = found?;
        if parts.method == Method::OPTIONS {
            let has_get = self.settings.allow_get && calling::can_get(method.description());
            let mut response = calling::empty(StatusCode::NO_CONTENT);
            let headers = response.headers_mut();
            headers.insert(ALLOW, calling::allowed_methods(has_get));
            return Ok(response);
        }
        #[cfg(feature = "requests")]
        if let Some(call) = DeferredCall::wanted(
            self.deferrals.as_ref(),
            &self.settings,
            parts,
            &sender,
            &method,
        )? {
            return call.accept(&self.settings, parts, body).await;
        }
        let request = CallRequest::new(&self.settings, parts, &sender, method)?;
        calling::call(self, request, parts, body).await
    }

    /// Finds out who sends a request.
    async fn authenticate(
        &self,
        client: Option<&ClientInfo>,
        parts: &Parts,
    ) -> Result<Authenticated, Problem> {
        let Some(authenticate) = &self.settings.authenticate else {
            let identity = client.map(|client| client.identity.clone());
            return Ok(Authenticated::new(identity.unwrap_or_default()));
        };
        authenticate.authenticate(parts).await.map_err(|error| {
            let problem = Problem::new(
                StatusCode::UNAUTHORIZED,
                "the request has no valid proof of an identity",
            );
            match error.challenge {
                Some(challenge) => problem.header(WWW_AUTHENTICATE, challenge),
                None => problem,
            }
        })
    }

    fn check_access(&self, sender: &Authenticated, name: &str) -> Result<(), Problem> {
        let access = self.settings.access.as_ref();
        if access.is_none_or(|access| access.allows(&sender.identity, name.as_bytes())) {
            return Ok(());
        }
        let may_authenticate = self.settings.authenticate.is_some();
        Err(if may_authenticate && sender.identity.is_anonymous() {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "the method needs a caller with an identity",
            )
        } else {
            Problem::new(StatusCode::FORBIDDEN, "the caller may not call the method")
        })
    }
}

/// Returns `true` for a request for the page.
fn is_page(parts: &Parts) -> bool {
    matches!(parts.uri.path(), "/" | "") && matches!(parts.method, Method::GET | Method::HEAD)
}

/// Refuses methods other than GET and HEAD.
fn read_only(parts: &Parts) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this is read with GET");
    Err(problem.header(ALLOW, HeaderValue::from_static("GET, HEAD")))
}

fn refused(error: &OriginError) -> Problem {
    let status = match error {
        OriginError::NoHost => StatusCode::BAD_REQUEST,
        OriginError::Host(_) => StatusCode::MISDIRECTED_REQUEST,
        OriginError::Origin(_) | OriginError::OtherSite => StatusCode::FORBIDDEN,
    };
    Problem::new(status, error.to_string())
}

impl fmt::Debug for GatewayService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayService")
            .field("targets", &self.core.targets.len())
            .finish_non_exhaustive()
    }
}
