use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
#[cfg(feature = "tls")]
use chirp_runtime::channel::TlsClient;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use super::body::{ConnectionTask, OutgoingBody};
use super::connect::connect;
use super::error::is_transient_status;
use super::request_body::OutgoingRequestBody;
use super::resolver::Resolver;
#[cfg(feature = "tls")]
use super::tls_settings::TlsSettings;
use super::{DestinationError, Destinations, OutgoingError, OutgoingUrl};

/// The longest head of a response.
const MAX_HEAD: usize = 64 << 10;

/// Sends requests to destinations that others name, and only to those that are allowed.
///
/// Each request has a connection of its own, with HTTP/1.1. Redirects are not followed, and proxies that the environment names are
/// not used. Clones share their settings.
#[derive(Clone)]
pub struct OutgoingClient {
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// `None` where the program itself chooses the destination.
    pub(super) destinations: Option<Destinations>,
    pub(super) resolver: Resolver,
    #[cfg(feature = "tls")]
    pub(super) tls: TlsSettings,
    connect_timeout: Duration,
    timeout: Duration,
    idle_timeout: Option<Duration>,
    max_response: usize,
}

/// The response to a POST.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutgoingResponse {
    /// The status: any but a redirect.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or as much of it as has arrived in time and within the limit.
    pub body: Bytes,
    /// Whether `body` is the whole body.
    pub is_complete: bool,
}

impl OutgoingResponse {
    /// Returns `true` if the status says that the same request may succeed later: 408, 425, 429 and 500 to 599.
    pub fn is_transient(&self) -> bool {
        is_transient_status(self.status.as_u16())
    }
}

impl OutgoingClient {
    /// Creates a client for these destinations.
    pub fn new(destinations: Destinations) -> Self {
        Self::of(Some(destinations))
    }

    /// Creates a client for destinations that the program itself chooses.
    pub(crate) fn anywhere() -> Self {
        Self::of(None)
    }

    fn of(destinations: Option<Destinations>) -> Self {
        Self {
            settings: Arc::new(Settings {
                destinations,
                resolver: Resolver::default(),
                #[cfg(feature = "tls")]
                tls: TlsSettings::default(),
                connect_timeout: Duration::from_secs(10),
                timeout: Duration::from_secs(30),
                idle_timeout: Some(Duration::from_secs(30)),
                max_response: 64 << 10,
            }),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Sets the time for resolving a name, connecting and the handshake of TLS together. 10 s by default.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.connect_timeout = timeout)
    }

    /// Sets the time of a [`post`](Self::post) in all, and the time until a [`get`](Self::get) has a status. 30 s by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.timeout = timeout)
    }

    /// Sets how long a body that is read by [`get`](Self::get) may bring nothing. 30 s by default.
    #[must_use]
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.idle_timeout = Some(timeout))
    }

    /// Sets how many bytes are read of the response to a [`post`](Self::post). 64 KiB by default. A longer one is cut, which is no
    /// error: its status has arrived.
    #[must_use]
    pub fn max_response(self, bytes: usize) -> Self {
        self.change(|settings| settings.max_response = bytes)
    }

    /// Sets how servers of `https://` are verified. By default, their certificates must be signed by an authority that the system
    /// trusts. Needs the feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: TlsClient) -> Self {
        self.change(|settings| settings.tls = TlsSettings::new(tls))
    }

    /// Resolves names with a function instead of the system's resolver. It is asked once for each request, and every address that
    /// it returns must be allowed.
    #[must_use]
    pub fn resolve_with<F, R>(self, resolve: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.change(|settings| settings.resolver = Resolver::new(resolve))
    }

    fn deadline(&self) -> Instant {
        // A century is as good as no limit.
        const CENTURY: Duration = Duration::from_hours(876_600);
        Instant::now() + self.settings.timeout.min(CENTURY)
    }

    /// Parses a URL and checks that it is allowed, without any I/O: see [`Destinations::check`].
    ///
    /// # Errors
    ///
    /// [`DestinationError`].
    pub fn check(&self, url: &str) -> Result<OutgoingUrl, DestinationError> {
        match &self.settings.destinations {
            Some(destinations) => destinations.check(url),
            None => url.parse(),
        }
    }

    /// Sends a POST and reads the response, whatever its status is unless it is a redirect. The header `Host` is set by the URL.
    ///
    /// Dropping the future closes the connection; the destination may have received the request.
    ///
    /// # Errors
    ///
    /// [`OutgoingError`]. The list of destinations is checked again.
    pub async fn post(
        &self,
        url: &OutgoingUrl,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<OutgoingResponse, OutgoingError> {
        let deadline = self.deadline();
        let mut request = Request::new(OutgoingRequestBody::Whole(Some(body)));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = headers;
        let (response, task) = self.exchange(url, request, deadline).await?;
        let (head, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        let reading = async {
            while let Some(frame) = next_frame(&mut body).await {
                let Ok(frame) = frame else { return false };
                let Ok(data) = frame.into_data() else {
                    continue;
                };
                let room = self.settings.max_response - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    return false;
                }
            }
            true
        };
        // The status is the answer; its text is an addition that may be missing.
        let is_complete = timeout_at(deadline, reading).await.unwrap_or(false);
        drop(task);
        Ok(OutgoingResponse {
            status: head.status,
            headers: head.headers,
            body: read.freeze(),
            is_complete,
        })
    }

    /// Sends a GET and returns the body once the response has status 200.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// [`OutgoingError`], for any other status, too. The list of destinations is checked again.
    pub async fn get(&self, url: &OutgoingUrl) -> Result<OutgoingBody, OutgoingError> {
        let deadline = self.deadline();
        let request = Request::new(OutgoingRequestBody::EMPTY);
        let (response, task) = self.exchange(url, request, deadline).await?;
        let destination = url.destination();
        let (head, body) = response.into_parts();
        // 206 is a part, and 204 has no body; neither was asked for, but the second is an empty one.
        if !matches!(head.status, StatusCode::OK | StatusCode::NO_CONTENT) {
            return Err(OutgoingError::Status {
                destination,
                status: head.status.as_u16(),
            });
        }
        if let Some(encoding) = head.headers.get(CONTENT_ENCODING)
            && encoding != "identity"
        {
            return Err(OutgoingError::Encoded {
                destination,
                encoding: String::from_utf8_lossy(encoding.as_bytes()).into_owned(),
            });
        }
        let idle_timeout = self.settings.idle_timeout;
        Ok(OutgoingBody::new(
            destination,
            head.headers,
            body,
            task,
            idle_timeout,
        ))
    }

    /// Connects and sends a request, and waits for the head of the response, which is no redirect. The connection ends with the
    /// task.
    pub(crate) async fn exchange(
        &self,
        url: &OutgoingUrl,
        mut request: Request<OutgoingRequestBody>,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, ConnectionTask), OutgoingError> {
        let settings = &*self.settings;
        if let Some(destinations) = &settings.destinations {
            destinations.check_parsed(url)?;
        }
        let destination = || url.destination();
        let connect_deadline = Instant::now().checked_add(settings.connect_timeout);
        let connect_deadline = connect_deadline.map_or(deadline, |limit| limit.min(deadline));
        let io = timeout_at(connect_deadline, connect(settings, url)).await;
        let io = io.map_err(|_| OutgoingError::Connect {
            destination: destination(),
            error: io::ErrorKind::TimedOut.into(),
        })??;
        *request.uri_mut() = url.target.clone().into();
        fill_headers(url, request.headers_mut());
        let exchange = async {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(MAX_HEAD);
            let (mut sender, connection) = builder.handshake(TokioIo::new(io)).await?;
            let task = ConnectionTask::spawn(connection);
            let response = sender.send_request(request).await?;
            Ok::<_, hyper::Error>((response, task))
        };
        let exchanged = timeout_at(deadline, exchange).await;
        let (response, task) = exchanged
            .map_err(|_| OutgoingError::TimedOut {
                destination: destination(),
                limit: settings.timeout,
            })?
            .map_err(|error| OutgoingError::Exchange {
                destination: destination(),
                error: error.into(),
            })?;
        let status = response.status();
        if status.is_redirection() {
            return Err(OutgoingError::Redirected {
                destination: destination(),
                status: status.as_u16(),
            });
        }
        if status.is_informational() {
            return Err(OutgoingError::Status {
                destination: destination(),
                status: status.as_u16(),
            });
        }
        Ok((response, task))
    }
}

pub(super) async fn next_frame(
    body: &mut Incoming,
) -> Option<Result<http_body::Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await
}

/// Sets the headers that are not the caller's to choose.
fn fill_headers(url: &OutgoingUrl, headers: &mut HeaderMap) {
    const AGENT: HeaderValue =
        HeaderValue::from_static(concat!("chirp/", env!("CARGO_PKG_VERSION")));
    if let Ok(host) = HeaderValue::try_from(url.host_header()) {
        headers.insert(HOST, host);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.entry(USER_AGENT).or_insert(AGENT);
}

impl fmt::Debug for OutgoingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
