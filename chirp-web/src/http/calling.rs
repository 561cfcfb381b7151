//! Calls of methods for requests.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use chirp_runtime::dynamic::{JsonArguments, JsonCaller, JsonText};
use chirp_runtime::peer::Call;
use chirp_runtime::reflect::{MethodDescription, ValueDescription};
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body::Body;
use tokio::time::{Instant, timeout_at};

use super::arguments::{ArgumentSource, CallArguments};
use super::authenticate::Authenticated;
use super::body::ResponseBody;
use super::byte_body::ByteBody;
use super::call_head::CallHead;
use super::entity_tag;
use super::item_body::ItemBody;
use super::media_type::MediaType;
use super::problem::Problem;
use super::service::GatewayCore;
use super::settings::Settings;
#[cfg(feature = "requests")]
use super::stream_url::StreamUrlRequest;
use super::target::TargetMethod;
use super::upload::Uploads;
use super::url_arguments::UrlArguments;

/// With this header a browser connects again to a stream of events.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The headers of most responses with a result.
const RESULT_HEADERS: usize = 6;

/// A request for a call, without its body.
pub(super) struct CallRequest {
    method: TargetMethod,
    head: CallHead,
    arguments: ArgumentSource,
    /// The type of the response.
    media: MediaType,
    /// Whether a cache of a caller may keep the response.
    may_be_kept: bool,
}

impl CallRequest {
    pub(super) fn new(
        settings: &Settings,
        parts: &Parts,
        sender: &Authenticated,
        method: TargetMethod,
    ) -> Result<Self, Problem> {
        let description = method.description();
        let has_get = settings.allow_get && can_get(description);
        let is_allowed = match parts.method {
            Method::POST => true,
            Method::GET | Method::HEAD => has_get,
            _ => false,
        };
        if !is_allowed {
            let problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "the method is called with POST",
            );
            return Err(problem.header(ALLOW, allowed_methods(has_get)));
        }
        check_encoding(parts)?;
        let arguments = ArgumentSource::of(parts, description)?;
        let offered = method.offered;
        let media = MediaType::accepted(&parts.headers, offered)
            .or_else(|| of_stream_at_url(parts, offered))
            .ok_or_else(|| not_acceptable(offered))?;
        let mut head = CallHead::of(parts)?;
        settings.check_metadata(&head.metadata)?;
        if !sender.metadata.is_empty() {
            head.metadata.merge(&sender.metadata);
        }
        Ok(Self {
            method,
            head,
            arguments,
            media,
            may_be_kept: sender.identity.is_anonymous() && settings.authenticate.is_none(),
        })
    }
}

/// Refuses a body that is compressed: a method would take the compressed bytes for its argument.
fn check_encoding(parts: &Parts) -> Result<(), Problem> {
    let mut encodings = parts.headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let problem = Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "send the body without the header Content-Encoding",
    );
    Err(problem.header(ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// Returns the methods of HTTP by which a method can be called.
pub(super) fn allowed_methods(has_get: bool) -> HeaderValue {
    HeaderValue::from_static(if has_get {
        "GET, HEAD, POST, OPTIONS"
    } else {
        "POST, OPTIONS"
    })
}

/// Returns `true` for a method that may be called with GET.
pub(super) fn can_get(method: &MethodDescription) -> bool {
    let has_stream = method.arguments.iter().any(|argument| argument.stream);
    method.idempotent && !method.one_way && !has_stream
}

/// Returns the types in which a response can be. The first is the default.
pub(super) fn offered(method: &MethodDescription) -> &'static [MediaType] {
    let is_bytes =
        |value: &Option<ValueDescription>| value.as_ref().is_some_and(ValueDescription::is_bytes);
    match &method.items {
        Some(_) if is_bytes(&method.items) => {
            &[MediaType::Bytes, MediaType::Lines, MediaType::Events]
        }
        Some(_) => &[MediaType::Lines, MediaType::Events],
        None if is_bytes(&method.result) => &[MediaType::Json, MediaType::Bytes],
        None => &[MediaType::Json],
    }
}

/// Returns the type of a stream that is read elsewhere, if the response with its URL, which is JSON, is accepted.
#[cfg(feature = "requests")]
fn of_stream_at_url(parts: &Parts, offered: &[MediaType]) -> Option<MediaType> {
    if !parts.headers.contains_key(super::stream_url::STREAM) {
        return None;
    }
    MediaType::accepted(&parts.headers, &[MediaType::Json])?;
    offered.first().copied()
}

#[cfg(not(feature = "requests"))]
fn of_stream_at_url(_: &Parts, _: &[MediaType]) -> Option<MediaType> {
    None
}

fn not_acceptable(offered: &[MediaType]) -> Problem {
    let names: Vec<_> = offered.iter().map(|media| media.name()).collect();
    let detail = format!("the response can be: {}", names.join(", "));
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
}

/// Calls a method with the arguments of a request.
pub(super) async fn call<B>(
    core: &GatewayCore,
    request: CallRequest,
    parts: &Parts,
    body: B,
) -> Result<Response<ResponseBody>, Problem>
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let settings = &core.settings;
    let CallRequest {
        method,
        head,
        arguments,
        media,
        may_be_kept,
    } = request;
    let description = method.description();
    #[cfg(feature = "requests")]
    let stream_url = StreamUrlRequest::of(settings, parts, description.items.is_some())?;
    if description.items.is_some() {
        if media == MediaType::Events && parts.headers.contains_key(LAST_EVENT_ID) {
            // The status by which a browser does not connect again: the method would run once more.
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        if parts.method == Method::HEAD {
            return Ok(stream_response(media, ResponseBody::empty()));
        }
    }
    let has_streams =
        description.items.is_some() || matches!(arguments, ArgumentSource::Stream { .. });
    let start = Instant::now();
    let deadline = start + head.time_limit(settings, has_streams);
    let Ok(permit) = Arc::clone(&core.calls).try_acquire_owned() else {
        return Err(Problem::busy(
            "too many calls are in progress (`Gateway::max_concurrent_calls`)",
        ));
    };
    let urls = if description.arguments.iter().any(|argument| argument.stream) {
        UrlArguments::of_request(settings, parts)
    } else {
        UrlArguments::default()
    };
    let read = arguments.read(&parts.headers, body, settings.max_body, description, &urls);
    let arguments = within(deadline, read).await?;
    let deadline = if arguments.is_fetching() {
        start + head.time_limit(settings, true)
    } else {
        deadline
    };
    let name = &description.name;
    if description.one_way {
        let caller = JsonCaller::new(&method.caller);
        return call_one_way(&caller, description, arguments, head).await;
    }
    if description.items.is_some() {
        let (list, mut uploads) = arguments.into_list();
        let caller = JsonCaller::new(&method.caller);
        if media == MediaType::Bytes {
            let call = caller.byte_stream(name, list);
            let call = with_options(call, head, deadline, description, &mut uploads);
            let items = call
                .await
                .map_err(|error| Problem::of_call(error, description))?;
            let body = ByteBody::new(items, method, uploads, permit);
            #[cfg(feature = "requests")]
            if let Some(request) = stream_url {
                return request.offer(media, body);
            }
            return Ok(stream_response(media, ResponseBody::streamed(body)));
        }
        let call = caller.stream(name, list);
        let call = with_options(call, head, deadline, description, &mut uploads);
        let items = call.await;
        let items = items.map_err(|error| Problem::of_call(error, description))?;
        let body = ItemBody::new(items, media, method, uploads, permit);
        #[cfg(feature = "requests")]
        if let Some(request) = stream_url {
            return request.offer(media, body);
        }
        return Ok(stream_response(media, ResponseBody::streamed(body)));
    }
    let result = match arguments {
        CallArguments::Text(text) => {
            // No bytes are no arguments.
            let text = if text.trim_ascii().is_empty() {
                Bytes::new()
            } else {
                text
            };
            let call = method.caller.call(method.json_name.clone(), text);
            with_options(call, head, deadline, description, &mut Uploads::default()).await
        }
        CallArguments::List(list, mut uploads) => {
            let call = JsonCaller::new(&method.caller).call(name, list);
            let call = with_options(call, head, deadline, description, &mut uploads);
            call.await.map(|result| result.into_string().into())
        }
    };
    let result = result.map_err(|error| Problem::of_call(error, description))?;
    let result = match media {
        MediaType::Bytes => bytes_of(&result)?,
        _ => result,
    };
    let tag = (parts.method != Method::POST).then(|| entity_tag::of(&result));
    Ok(result_response(parts, media, result, tag, may_be_kept))
}

/// Reads arguments until the deadline.
async fn within(
    deadline: Instant,
    read: impl Future<Output = Result<CallArguments, Problem>>,
) -> Result<CallArguments, Problem> {
    let mut read = pin!(read);
    // Most bodies arrive together with their head, and need no timer.
    let polled = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
    if let Poll::Ready(arguments) = polled {
        return arguments;
    }
    let in_time = timeout_at(deadline, read).await;
    in_time.unwrap_or_else(|_| {
        Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive within the time of the call",
        ))
    })
}

async fn call_one_way(
    caller: &JsonCaller,
    method: &MethodDescription,
    arguments: CallArguments,
    head: CallHead,
) -> Result<Response<ResponseBody>, Problem> {
    let (list, mut uploads) = arguments.into_list();
    let call = caller.call_one_way(&method.name, list);
    let call = call.all_metadata(&head.metadata);
    let call = match head.trace {
        Some(trace) => call.trace(trace),
        None => call,
    };
    uploads.start();
    let sent = call.await;
    sent.map_err(|error| Problem::of_call(error, method))?;
    Ok(empty(StatusCode::ACCEPTED))
}

impl CallArguments {
    /// Returns `true` if some bytes are fetched while the call is in progress.
    fn is_fetching(&self) -> bool {
        matches!(self, Self::List(_, uploads) if uploads.is_fetching)
    }

    pub(super) fn into_list(self) -> (JsonArguments, Uploads) {
        match self {
            Self::List(list, uploads) => (list, uploads),
            Self::Text(text) => {
                // Invalid text fails the call.
                let list = JsonArguments::from(String::from_utf8_lossy(&text).into_owned());
                (list, Uploads::default())
            }
        }
    }
}

/// Sets the options of a call, whose streams are sent from then on.
pub(super) fn with_options<T>(
    call: Call<T>,
    head: CallHead,
    deadline: Instant,
    method: &MethodDescription,
    uploads: &mut Uploads,
) -> Call<T> {
    let call = call.deadline(deadline.into_std());
    let call = if head.metadata.is_empty() {
        call
    } else {
        call.all_metadata(&head.metadata)
    };
    let call = match head.trace {
        Some(trace) => call.trace(trace),
        None => call,
    };
    let call = if method.idempotent {
        call.idempotent()
    } else {
        call
    };
    uploads.start();
    call
}

/// Returns the bytes that a result in JSON holds. `null` holds none.
fn bytes_of(result: &[u8]) -> Result<Bytes, Problem> {
    if result == b"null" {
        return Ok(Bytes::new());
    }
    let bytes = JsonText::from_slice(result).and_then(|text| text.to_bytes());
    bytes.map(Bytes::from).map_err(|error| {
        let detail = format!("the result is not bytes: {error}");
        Problem::new(StatusCode::BAD_GATEWAY, detail)
    })
}

pub(super) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

fn stream_response(media: MediaType, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.name()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies such as nginx would collect items.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}

/// Returns the response with a result. By the tag a caller can ask whether the result has changed.
pub(super) fn result_response(
    parts: &Parts,
    media: MediaType,
    result: Bytes,
    tag: Option<HeaderValue>,
    may_be_kept: bool,
) -> Response<ResponseBody> {
    let is_known = tag
        .as_ref()
        .is_some_and(|tag| entity_tag::is_known(&parts.headers, tag));
    let length = result.len();
    let is_head = parts.method == Method::HEAD;
    let body = if is_known || is_head {
        ResponseBody::empty()
    } else {
        ResponseBody::whole(result)
    };
    let mut response = Response::new(body);
    response.headers_mut().reserve(RESULT_HEADERS);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.name()));
        if is_head {
            // The length of other bodies is known.
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
    let headers = response.headers_mut();
    // A cache must not give the result of an identified caller to another one.
    let cache = match tag {
        Some(_) if may_be_kept => "no-cache",
        _ => "no-store",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("Accept, Origin"));
    if let Some(tag) = tag {
        headers.insert(ETAG, tag);
    }
    response
}
