//! Requests for offered streams.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::offer::StreamUrlEnd;
use super::parked_stream::ParkedStream;
use super::stream_urls::StreamUrls;
use super::token::StreamToken;
use crate::http::body::{BodyError, Produce, ResponseBody};
use crate::http::problem::Problem;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");
const NO_RANGES: HeaderValue = HeaderValue::from_static("none");

/// A stream as the body of its one reader.
pub(crate) struct OfferedBody {
    stream: Arc<ParkedStream>,
}

impl OfferedBody {
    /// Waits for the next bytes. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, String>> {
        let next = poll_fn(|cx| self.stream.poll_next(cx)).await;
        next.map(|bytes| bytes.map_err(|error| error.to_string()))
    }
}

impl Produce for OfferedBody {
    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.stream.poll_next(cx)
    }
}

impl Drop for OfferedBody {
    fn drop(&mut self) {
        self.stream.end(StreamUrlEnd::ReaderLost);
    }
}

impl ParkedStream {
    /// Claims the stream. `None` if another reader has done so.
    pub(super) fn body(self: &Arc<Self>) -> Option<OfferedBody> {
        self.take().then(|| OfferedBody {
            stream: Arc::clone(self),
        })
    }

    /// Answers a request for the stream.
    pub(super) fn answer(
        self: &Arc<Self>,
        parts: &Parts,
    ) -> Result<Response<ResponseBody>, Problem> {
        let body = match parts.method {
            Method::HEAD => ResponseBody::empty(),
            Method::GET if parts.headers.contains_key(RANGE) => {
                let problem = Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "a stream is read once, as a whole: leave out the header Range",
                );
                return Err(problem.header(ACCEPT_RANGES, NO_RANGES));
            }
            Method::GET => ResponseBody::streamed(self.body().ok_or_else(gone)?),
            _ => {
                let problem =
                    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "a stream is read with GET");
                return Err(problem.header(ALLOW, METHODS));
            }
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.media_type.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ACCEPT_RANGES, NO_RANGES);
        // Proxies such as nginx would collect bytes.
        let unbuffered = HeaderName::from_static("x-accel-buffering");
        headers.insert(unbuffered, HeaderValue::from_static("no"));
        Ok(response)
    }
}

fn gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "the stream has a reader already: it is read once",
    )
}

impl StreamUrls {
    /// Returns the token in a URL of one of these streams, for a server that is reached at `base`.
    pub(crate) fn token_of<'u>(&self, url: &'u str, base: Option<&str>) -> Option<&'u str> {
        let bases = [self.public_base(), base, Some("")];
        let path = bases.into_iter().flatten().find_map(|base| {
            let base = base.trim_end_matches('/');
            url.strip_prefix(base)?.strip_prefix("/streams/")
        });
        path.filter(|token| !token.contains('/'))
    }

    /// Returns `true` if there is a stream with this token.
    pub(crate) fn has(&self, token: &str) -> bool {
        StreamToken::parse(token).is_some_and(|token| self.table.find(token).is_some())
    }

    /// Claims a stream for a reader in this process. `None` if there is no such stream, or it has a reader.
    pub(crate) fn claim(&self, token: &str) -> Option<OfferedBody> {
        let token = StreamToken::parse(token)?;
        self.table.find(token)?.body()
    }

    /// Answers a request for a stream.
    pub(crate) fn answer(
        &self,
        parts: &Parts,
        token: &str,
    ) -> Result<Response<ResponseBody>, Problem> {
        let token = StreamToken::parse(token);
        let stream = token.and_then(|token| self.table.find(token));
        let stream = stream.ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "no such stream: it has been read, has not been read in time, or never was",
            )
        })?;
        stream.answer(parts)
    }
}

impl<B> Service<Request<B>> for StreamUrls {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, _) = request.into_parts();
        let path = parts.uri.path();
        let token = path.strip_prefix("/streams").unwrap_or(path);
        let token = token.strip_prefix('/').unwrap_or(token);
        let response = self.answer(&parts, token);
        let mut response = response.unwrap_or_else(Problem::into_response);
        let no_sniff = HeaderValue::from_static("nosniff");
        response
            .headers_mut()
            .insert(X_CONTENT_TYPE_OPTIONS, no_sniff);
        ready(Ok(response))
    }
}
