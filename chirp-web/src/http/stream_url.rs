//! Results that are streams at URLs of their own.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::body::{Produce, ResponseBody};
use super::media_type::MediaType;
use super::problem::Problem;
use super::settings::Settings;
use crate::requests::{StreamUrlError, StreamUrls};

/// Asks for the URL of the stream that a method returns, instead of the stream: `Chirp-Stream: url`.
pub(super) const STREAM: HeaderName = HeaderName::from_static("chirp-stream");

/// A request whose response is the URL of a stream.
pub(super) struct StreamUrlRequest {
    urls: StreamUrls,
    base: String,
}

impl StreamUrlRequest {
    /// Returns `None` for a request whose response is the stream itself.
    pub(super) fn of(
        settings: &Settings,
        parts: &Parts,
        returns_stream: bool,
    ) -> Result<Option<Self>, Problem> {
        let Some(value) = parts.headers.get(STREAM) else {
            return Ok(None);
        };
        let bad_request = |detail| Problem::new(StatusCode::BAD_REQUEST, detail);
        if value != "url" {
            return Err(bad_request("the header Chirp-Stream has the value \"url\""));
        }
        if !returns_stream {
            return Err(bad_request(
                "the method returns no stream: leave out the header Chirp-Stream",
            ));
        }
        if parts.method != Method::POST {
            return Err(bad_request("a stream URL is asked for with POST"));
        }
        let urls = settings.stream_urls.clone().ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_IMPLEMENTED,
                "the gateway offers no stream URLs (`Gateway::stream_urls`)",
            )
        })?;
        let base = settings.base_url(parts)?;
        Ok(Some(Self { urls, base }))
    }

    /// Offers the stream, and returns the response with its URL.
    pub(super) fn offer(
        self,
        media: MediaType,
        body: impl Produce + 'static,
    ) -> Result<Response<ResponseBody>, Problem> {
        let offer = self.urls.offer_body(media, body)?;
        let url = offer.url_at(&self.base);
        let seconds = offer.seconds_left();
        let location = HeaderValue::try_from(&url);
        let json = serde_json::json!({
            "stream_url": url,
            "expires_in": seconds,
        });
        offer.detach();
        let mut response = Response::new(ResponseBody::whole(json.to_string()));
        *response.status_mut() = StatusCode::CREATED;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(location) = location {
            headers.insert(LOCATION, location);
        }
        Ok(response)
    }
}

impl From<StreamUrlError> for Problem {
    fn from(error: StreamUrlError) -> Self {
        match error {
            StreamUrlError::TooMany { .. } => Self::busy(error.to_string()),
            error => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}
