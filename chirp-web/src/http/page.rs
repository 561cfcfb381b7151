//! The page that lists methods and calls them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
};
use sha2::{Digest, Sha256};

use super::body::ResponseBody;

/// The page. It is one file, and loads nothing but the description of the methods.
const PAGE: &str = include_str!("page.html");

/// Lets the page run its own script and nothing else, and no other page show it in a frame.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let script = between(PAGE, "<script>", "</script>");
    let style = between(PAGE, "<style>", "</style>");
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash(script),
        hash(style)
    );
    HeaderValue::try_from(policy).expect("the policy is ASCII")
});

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(inside, _)| inside)
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

pub(super) fn response() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(PAGE));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
