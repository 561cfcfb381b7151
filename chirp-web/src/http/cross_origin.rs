//! Headers for pages of other origins, if the operator has listed them.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;

use crate::origin_policy::RequestSource;

/// Adds the headers by which a browser gives the response to the page.
pub(super) fn allow(source: RequestSource, request: &Parts, response: &mut HeaderMap) {
    response
        .entry(VARY)
        .or_insert_with(|| HeaderValue::from_static("Origin"));
    if source != RequestSource::ListedPage {
        return;
    }
    if let Some(origin) = request.headers.get(ORIGIN) {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let exposed = HeaderValue::from_static("ETag, Location, Retry-After, WWW-Authenticate");
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Returns `true` for a request by which a browser asks whether a page may send another one.
pub(super) fn is_question(request: &Parts) -> bool {
    request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Adds the answer to the question whether a page may send a request. Every header is allowed: a page that is listed may do
/// what the gateway's own may.
pub(super) fn allow_request(
    source: RequestSource,
    request: &Parts,
    methods: &HeaderValue,
    response: &mut HeaderMap,
) {
    if source != RequestSource::ListedPage {
        return;
    }
    response.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
    if let Some(headers) = request.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
    }
    response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}
