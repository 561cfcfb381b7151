//! Calls of methods for requests.

use std::pin::Pin;

use bytes::Bytes;
use chirp_runtime::dynamic::JsonText;
use chirp_runtime::reflect::ValueDescription;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use tokio::time::{Instant, timeout_at};

use super::authenticate::Authenticated;
use super::body::ResponseBody;
use super::call_head::CallHead;
use super::media_type::MediaType;
use super::problem::Problem;
use super::request_body;
use super::service::GatewayCore;
use super::settings::Settings;
use super::target::TargetMethod;

/// A request for a call, without its body.
pub(super) struct CallRequest {
    method: TargetMethod,
    head: CallHead,
    /// The type of the response.
    media: MediaType,
}

impl CallRequest {
    pub(super) fn new(
        settings: &Settings,
        parts: &Parts,
        sender: &Authenticated,
        method: TargetMethod,
    ) -> Result<Self, Problem> {
        if MediaType::of_content(&parts.headers) != Some(MediaType::Json) {
            let detail = "arguments are JSON: send the header Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let result = method.description().result.as_ref();
        let offered: &[_] = if result.is_some_and(ValueDescription::is_bytes) {
            &[MediaType::Json, MediaType::Bytes]
        } else {
            &[MediaType::Json]
        };
        let media =
            MediaType::accepted(&parts.headers, offered).ok_or_else(|| not_acceptable(offered))?;
        let mut head = CallHead::of(&parts.headers)?;
        settings.check_metadata(&head.metadata)?;
        head.metadata.merge(&sender.metadata);
        Ok(Self {
            method,
            head,
            media,
        })
    }
}

fn not_acceptable(offered: &[MediaType]) -> Problem {
    let names: Vec<_> = offered.iter().map(|media| media.name()).collect();
    let detail = format!("the response can be: {}", names.join(", "));
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
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

/// Calls a method with the arguments in the body.
pub(super) async fn call<B>(
    core: &GatewayCore,
    request: CallRequest,
    headers: &HeaderMap,
    body: Pin<&mut B>,
) -> Result<Response<ResponseBody>, Problem>
where
    B: Body,
{
    let settings = &core.settings;
    let CallRequest {
        method,
        head,
        media,
    } = request;
    let time = head.timeout.unwrap_or(settings.timeout);
    let deadline = Instant::now() + time.min(settings.max_timeout);
    let Ok(_permit) = core.calls.try_acquire() else {
        return Err(Problem::busy(
            "too many calls are in progress (`Gateway::max_concurrent_calls`)",
        ));
    };
    let read = request_body::read_whole(headers, body, settings.max_body);
    let Ok(body) = timeout_at(deadline, read).await else {
        return Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive within the time of the call",
        ));
    };
    let body = body?;
    let arguments = if body.trim_ascii().is_empty() {
        Bytes::from_static(b"{}")
    } else {
        body
    };
    let description = method.description();
    if description.one_way {
        let call = method
            .caller
            .call_one_way(method.json_name.clone(), arguments)
            .all_metadata(&head.metadata);
        let call = match head.trace {
            Some(trace) => call.trace(trace),
            None => call,
        };
        call.await
            .map_err(|error| Problem::of_call(error, description))?;
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::ACCEPTED;
        return Ok(response);
    }
    let call = method
        .caller
        .call(method.json_name.clone(), arguments)
        .all_metadata(&head.metadata)
        .deadline(deadline.into_std());
    let call = match head.trace {
        Some(trace) => call.trace(trace),
        None => call,
    };
    let call = if description.idempotent {
        call.idempotent()
    } else {
        call
    };
    let result = call.await;
    let result = result.map_err(|error| Problem::of_call(error, description))?;
    let result = match media {
        MediaType::Bytes => bytes_of(&result)?,
        _ => result,
    };
    let mut response = Response::new(ResponseBody::whole(result));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.name()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
