//! Requests whose responses come later: accepted with the status 202, called without a connection that waits, and delivered to a hook
//! or kept.

mod deferrals;
mod reply;
mod running;
mod status;
mod task;
mod wishes;

use std::pin::pin;
use std::time::SystemTime;

use bytes::Bytes;
use chirp_runtime::channel::Identity;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use tokio::time::timeout;

use super::arguments::{self, ArgumentSource};
use super::authenticate::Authenticated;
use super::body::ResponseBody;
use super::call_head::CallHead;
use super::calling;
use super::media_type::MediaType;
use super::problem::Problem;
use super::request_body;
use super::settings::Settings;
use super::target::TargetMethod;
use super::url_arguments::UrlArguments;
use crate::outgoing::DestinationError;
use crate::requests::DeferredId;
use crate::requests::store::RequestRecord;

pub(super) use deferrals::Deferrals;
use status::RequestStatus;
use wishes::DeferralWishes;

/// The beginning of the paths of deferred requests.
pub(super) const PATH: &str = "/requests/";

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A request for a call whose response comes later, without its body.
pub(super) struct DeferredCall<'c> {
    deferrals: &'c Deferrals,
    wishes: DeferralWishes,
    method: TargetMethod,
    head: CallHead,
    collects: bool,
    owner: String,
    counts_caller: bool,
}

impl<'c> DeferredCall<'c> {
    /// Checks a request. Returns `None` if it does not ask for a response later.
    pub(super) fn wanted(
        deferrals: Option<&'c Deferrals>,
        settings: &Settings,
        parts: &Parts,
        sender: &Authenticated,
        method: &TargetMethod,
    ) -> Result<Option<Self>, Problem> {
        if parts.method != Method::POST && !wishes::has_hook(&parts.headers) {
            return Ok(None);
        }
        if parts.method != Method::POST {
            let problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "a method whose response is posted elsewhere is called with POST",
            );
            return Err(problem.header(ALLOW, calling::allowed_methods(false)));
        }
        let Some(wishes) = DeferralWishes::of(&parts.headers)? else {
            return Ok(None);
        };
        let Some(deferrals) = deferrals else {
            // A preference may be ignored. A response that is to go elsewhere must not be given to the sender of the request.
            return match wishes.hook {
                None => Ok(None),
                Some(_) => Err(Problem::new(
                    StatusCode::NOT_IMPLEMENTED,
                    "this gateway posts no responses (`Gateway::requests`)",
                )),
            };
        };
        let description = method.description();
        let ArgumentSource::Body = ArgumentSource::of(parts, description)? else {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the arguments of a request whose response comes later are all in the body, as JSON",
            ));
        };
        if let Some(hook) = &wishes.hook {
            deferrals
                .core()
                .settings
                .client
                .check(hook)
                .map_err(|error| refused(&error))?;
        }
        let mut head = CallHead::of(parts)?;
        settings.check_metadata(&head.metadata)?;
        head.metadata.merge(&sender.metadata);
        // A range such as `*/*`, which curl accepts, does not ask for lines.
        let kinds = [MediaType::Json, MediaType::Lines];
        Ok(Some(Self {
            deferrals,
            wishes,
            method: method.clone(),
            head,
            collects: MediaType::accepted(&parts.headers, &kinds) == Some(MediaType::Lines),
            owner: owner(&sender.identity),
            counts_caller: settings.authenticate.is_some() || !sender.identity.is_anonymous(),
        }))
    }

    /// Accepts the request, when it has been read.
    pub(super) async fn accept<B>(
        self,
        settings: &Settings,
        parts: &Parts,
        body: B,
    ) -> Result<Response<ResponseBody>, Problem>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let body = pin!(body);
        let read = request_body::read_whole(&parts.headers, body, settings.max_body);
        let Ok(read) = timeout(settings.timeout, read).await else {
            return Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            ));
        };
        // A copy, since the bytes are a part of the buffer of the connection.
        let text = Bytes::copy_from_slice(read?.trim_ascii());
        let description = self.method.description();
        let urls = UrlArguments::of_request(settings, parts);
        arguments::check_json(&text, description, &urls)?;
        let core = self.deferrals.core();
        let requests = &core.settings;
        let id = DeferredId::random()
            .map_err(|error| Problem::busy(format!("no random numbers: {error}")))?;
        let time = self.head.timeout.unwrap_or(requests.max_request_time);
        let created = SystemTime::now();
        let deadline = created + time.min(requests.max_request_time);
        let method = description.name.clone();
        let record = RequestRecord {
            id: *id.as_bytes(),
            key: self.wishes.idempotency_key(&method, &text, self.collects),
            owner: self.owner,
            method,
            is_idempotent: description.idempotent,
            metadata: self.head.metadata,
            trace: self.head.trace,
            hook: self.wishes.hook,
            collects: self.collects,
            base_url: settings.base_url(parts).ok(),
            created,
            deadline,
            deliver_until: deadline + requests.max_delivery_time,
        };
        let has_hook = record.hook.is_some();
        let id = core.accept(record, text, self.counts_caller).await?;
        Ok(accepted(id, parts, has_hook))
    }
}

/// Returns the identity of a caller as text, which owns its requests.
fn owner(identity: &Identity) -> String {
    identity.to_string()
}

fn refused(error: &DestinationError) -> Problem {
    let status = match error {
        DestinationError::InvalidUrl(_) => StatusCode::BAD_REQUEST,
        DestinationError::NoTls => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::FORBIDDEN,
    };
    Problem::new(status, format!("the header Chirp-Respond-To: {error}"))
}

fn accepted(id: DeferredId, parts: &Parts, has_hook: bool) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(format!("{{\"id\":\"{id}\"}}")));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    // Relative to the path of the request, whose beginning an outer router may have removed.
    let depth = parts.uri.path().split('/').count().saturating_sub(2);
    let location = format!("{}{}{id}", "../".repeat(depth), &PATH[1..]);
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(MediaType::Json.name()),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !has_hook {
        headers.insert(
            PREFERENCE_APPLIED,
            HeaderValue::from_static("respond-async"),
        );
    }
    response
}

/// Answers a request for the state of a deferred request, or cancels it.
pub(super) async fn answer_status(
    deferrals: &Deferrals,
    parts: &Parts,
    id: &str,
    sender: &Authenticated,
) -> Result<Response<ResponseBody>, Problem> {
    let is_delete = match parts.method {
        Method::GET | Method::HEAD => false,
        Method::DELETE => true,
        _ => {
            let problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "a request is read with GET and cancelled with DELETE",
            );
            let allowed = HeaderValue::from_static("GET, HEAD, DELETE");
            return Err(problem.header(ALLOW, allowed));
        }
    };
    let core = deferrals.core();
    let owner = owner(&sender.identity);
    let mut request = core.find(id, &owner).await?;
    if is_delete && RequestStatus::is_open(&request) {
        core.cancel(DeferredId::from_bytes(request.record.id))
            .await?;
        request = core.find(id, &owner).await?;
    }
    let status = serde_json::to_vec(&RequestStatus::of(&request));
    // A status can always be written as JSON.
    let json = Bytes::from(status.unwrap_or_default());
    let body = if parts.method == Method::HEAD {
        ResponseBody::empty()
    } else {
        ResponseBody::whole(json)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(MediaType::Json.name()),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if RequestStatus::is_open(&request) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}
