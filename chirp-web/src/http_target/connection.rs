use std::io;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::dynamic::{JsonRequest, JsonRequestArgument, JsonText};
use chirp_runtime::packet::{DESCRIBE_METHOD, ErrorData, FrameworkError, JSON_SUFFIX};
use chirp_runtime::peer::{CallError, Caller, Handler, HandlerFuture, Reply, Request};
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout_at};

use super::HttpTarget;
use super::call_headers::call_headers;
use super::description::named;
use super::failure::{of_error, of_response, unexpected};
use super::hooked_call;
use super::item_lines::ItemLines;
use super::url::below;
use crate::http::media_type::MediaType;
use crate::http::target::{Target, TargetMethod};
use crate::outgoing::{ConnectionTask, OutgoingBody, OutgoingRequestBody, OutgoingUrl};

/// The characters of names that paths and queries have as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The longest path with the arguments in its query.
const MAX_TARGET: usize = 32 << 10;

/// The time for reading the description of a gateway.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// As good as no limit.
const CENTURY: Duration = Duration::from_hours(876_600);

/// Passes calls on to a gateway.
pub(super) struct HttpConnection {
    core: Arc<ConnectionState>,
}

struct ConnectionState {
    gateway: Arc<GatewayClient>,
    /// Remembers the description of the gateway.
    methods: Target,
}

/// Sends requests to a gateway.
pub(super) struct GatewayClient {
    settings: HttpTarget,
    base: OutgoingUrl,
}

impl HttpConnection {
    /// Reads the description of the gateway.
    pub(super) async fn open(settings: HttpTarget, base: OutgoingUrl) -> io::Result<Self> {
        let gateway = Arc::new(GatewayClient { settings, base });
        if let Err(error) = gateway.describe().await {
            let kind = match FrameworkError::from_error_data(&error) {
                Some(FrameworkError::PermissionDenied) => io::ErrorKind::PermissionDenied,
                _ => io::ErrorKind::ConnectionRefused,
            };
            return Err(io::Error::new(kind, error.message));
        }
        let describing = Arc::clone(&gateway);
        let describer = Caller::local(move |_: Request| {
            let gateway = Arc::clone(&describing);
            async move { gateway.describe().await }
        });
        let methods = Target::new(describer, false);
        Ok(Self {
            core: Arc::new(ConnectionState { gateway, methods }),
        })
    }
}

impl Handler for HttpConnection {
    fn is_proxy(&self) -> bool {
        true
    }

    fn handle(&self, request: Request) -> HandlerFuture {
        let core = Arc::clone(&self.core);
        Box::pin(async move {
            let answered = core.answer(request).await;
            answered.unwrap_or_else(Reply::Error)
        })
    }
}

impl ConnectionState {
    async fn answer(&self, request: Request) -> Result<Reply, ErrorData> {
        let Ok(name) = str::from_utf8(request.method()) else {
            return Ok(Reply::UnknownMethod);
        };
        if name == DESCRIBE_METHOD {
            let described = self.gateway.describe().await?;
            return Ok(Reply::Value(named(&described, request.params())?.into()));
        }
        if name.starts_with("chirp.") {
            return Ok(Reply::UnknownMethod);
        }
        let json_name = name.strip_suffix(JSON_SUFFIX);
        let found = match self.methods.find(json_name.unwrap_or(name)).await {
            Ok(found) => found,
            Err(error) => return Ok(Reply::forwarded(Err::<Bytes, CallError>(error))),
        };
        let Some(method) = found else {
            return Ok(Reply::UnknownMethod);
        };
        if json_name.is_none() && method.codec() != "Json" {
            let detail = format!(
                "values in the codec {} cannot be sent over HTTP: call the method by its JSON name (`with_json` of its client)",
                method.codec()
            );
            return Err(FrameworkError::Unsupported.to_error_data(&detail));
        }
        self.call(&method, request).await
    }

    async fn call(&self, method: &TargetMethod, request: Request) -> Result<Reply, ErrorData> {
        let description = method.description();
        let call = JsonRequest::new(&request, description)?;
        let settings = &self.gateway.settings;
        let has_streams = description.items.is_some()
            || description.arguments.iter().any(|argument| argument.stream);
        let hook = settings.hook.as_ref();
        let hook = hook.filter(|_| !has_streams && !description.one_way);
        let longest = if has_streams || hook.is_some() {
            settings.max_stream_time
        } else {
            settings.timeout
        };
        let now = Instant::now();
        let of_method = description.deadline_ms.map(Duration::from_millis);
        let own = match request.context().deadline() {
            Some(deadline) => Some(deadline.into()),
            None => of_method.and_then(|time| now.checked_add(time)),
        };
        let longest = now.checked_add(longest).unwrap_or(now + CENTURY);
        let deadline = own.map_or(longest, |own: Instant| own.min(longest));
        let media = match &description.items {
            Some(items) if items.is_bytes() => MediaType::Bytes,
            Some(_) => MediaType::Lines,
            None => MediaType::Json,
        };
        let mut headers = call_headers(request.context(), own)?;
        headers.insert(ACCEPT, HeaderValue::from_static(media.name()));
        let mut path = format!("call/{}", utf8_percent_encode(&description.name, ENCODED));
        let params = request.into_params();
        let (body, content) = split(call.arguments, params, &mut path)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.name()));
        let ticket = hook.map(|hook| hook.ask(&mut headers)).transpose()?;
        let sent = self
            .gateway
            .send(Method::POST, &path, headers, body, deadline);
        let (response, task) = sent.await?;
        if response.status() == StatusCode::NOT_FOUND {
            let error = self.gateway.read_error(response, task, deadline).await;
            // The description had the method before.
            return Ok(match FrameworkError::from_error_data(&error) {
                Some(FrameworkError::NoReply) => Reply::Error(error),
                _ => Reply::UnknownMethod,
            });
        }
        if let Some(ticket) = ticket
            && response.status() == StatusCode::ACCEPTED
        {
            return hooked_call::wait(&self.gateway, response, task, ticket, deadline).await;
        }
        if description.one_way && response.status() == StatusCode::ACCEPTED {
            return Ok(Reply::Value(Bytes::new().into()));
        }
        if response.status() != StatusCode::OK {
            return Err(self.gateway.read_error(response, task, deadline).await);
        }
        if MediaType::of_content(response.headers()) != Some(media) {
            return Err(unexpected(&format!(
                "{} does not answer with {}",
                self.gateway.base.destination(),
                media.name()
            )));
        }
        if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
            && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
        {
            // Compressed bytes would be taken for the result.
            return Err(unexpected(&format!(
                "{} answers with the encoding {encoding:?}, which was not asked for",
                self.gateway.base.destination()
            )));
        }
        let Some(items) = call.items else {
            let result = self.gateway.read(response, task, deadline).await?;
            let result = JsonText::from_slice(&result)
                .map_err(|error| unexpected(&format!("the result: {error}")))?;
            return Ok(Reply::Value(result.into_string().into()));
        };
        let mut body = self.gateway.body(response, task);
        let sending = async {
            if media == MediaType::Bytes {
                let next = move |cx: &mut Context<'_>| {
                    let next = body.poll_next(cx);
                    next.map(|next| next.map(|bytes| bytes.map_err(|error| of_error(&error))))
                };
                items.send_bytes(next).await
            } else {
                let mut lines = ItemLines::new(body, settings.max_response);
                items
                    .send(move |cx: &mut Context<'_>| lines.poll_next(cx))
                    .await
            }
        };
        let sent = timeout_at(deadline, sending).await;
        sent.map_err(|_| FrameworkError::DeadlineExceeded.into())
    }
}

/// Divides arguments between the body of a request and the query, which is appended to the path.
fn split(
    arguments: Vec<(String, JsonRequestArgument)>,
    params: Bytes,
    path: &mut String,
) -> Result<(OutgoingRequestBody, MediaType), ErrorData> {
    let unsupported = |detail: &str| FrameworkError::Unsupported.to_error_data(detail);
    let is_stream =
        |argument: &JsonRequestArgument| !matches!(argument, JsonRequestArgument::Value(_));
    let streams = arguments.iter().filter(|(_, argument)| is_stream(argument));
    match streams.count() {
        0 => return Ok((OutgoingRequestBody::Whole(Some(params)), MediaType::Json)),
        1 => {}
        _ => return Err(unsupported("a request of HTTP has one stream, its body")),
    }
    let mut content = (OutgoingRequestBody::EMPTY, MediaType::Json);
    let mut separator = '?';
    for (name, argument) in arguments {
        match argument {
            JsonRequestArgument::Value(value) => {
                path.push(separator);
                separator = '&';
                path.extend(utf8_percent_encode(&name, ENCODED));
                path.push('=');
                path.extend(utf8_percent_encode(value.as_str(), ENCODED));
            }
            JsonRequestArgument::Items(mut items) => {
                let lines = move |cx: &mut Context<'_>| {
                    let next = items.poll_recv(cx);
                    next.map(|next| next.map(|item| item.map(|item| line(&item))))
                };
                content = (OutgoingRequestBody::stream(lines), MediaType::Lines);
            }
            JsonRequestArgument::Bytes(mut bytes) => {
                let body = OutgoingRequestBody::stream(move |cx| bytes.poll_recv(cx));
                content = (body, MediaType::Bytes);
            }
            _ => return Err(unsupported("an argument has no form in HTTP")),
        }
    }
    if path.len() > MAX_TARGET {
        let error = FrameworkError::TooLarge {
            limit: MAX_TARGET as u64,
        };
        return Err(error.to_error_data("the arguments beside a stream do not fit into a URL"));
    }
    Ok(content)
}

/// Returns an item as a line. Line breaks in JSON are white space.
fn line(item: &JsonText) -> Bytes {
    let bytes = item.as_str().bytes();
    let bytes = bytes.map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => byte,
    });
    bytes.chain([b'\n']).collect()
}

impl GatewayClient {
    /// Reads the description of the gateway, in JSON.
    async fn describe(&self) -> Result<Bytes, ErrorData> {
        let deadline = Instant::now() + self.settings.timeout.min(DESCRIBE_TIMEOUT);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MediaType::Json.name()));
        let body = OutgoingRequestBody::EMPTY;
        let sent = self.send(Method::GET, "description.json", headers, body, deadline);
        let (response, task) = sent.await?;
        if response.status() != StatusCode::OK {
            return Err(self.read_error(response, task, deadline).await);
        }
        if MediaType::of_content(response.headers()) != Some(MediaType::Json) {
            let destination = self.base.destination();
            return Err(unexpected(&format!(
                "{destination} is not a gateway of Chirp"
            )));
        }
        self.read(response, task, deadline).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: OutgoingRequestBody,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, ConnectionTask), ErrorData> {
        let url = below(&self.base, path);
        let url = url.ok_or_else(|| unexpected("the path of the method is invalid"))?;
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        if let Some(authorization) = &self.settings.authorization {
            let name = http::header::AUTHORIZATION;
            request.headers_mut().insert(name, authorization.clone());
        }
        let sent = self.settings.client.exchange(&url, request, deadline).await;
        sent.map_err(|error| of_error(&error))
    }

    fn body(&self, response: Response<Incoming>, task: ConnectionTask) -> OutgoingBody {
        let (head, body) = response.into_parts();
        OutgoingBody::new(self.base.destination(), head.headers, body, task, None)
    }

    /// Reads a whole body.
    pub(super) async fn read(
        &self,
        response: Response<Incoming>,
        task: ConnectionTask,
        deadline: Instant,
    ) -> Result<Bytes, ErrorData> {
        let limit = self.settings.max_response;
        let mut body = self.body(response, task);
        let reading = async {
            let mut bytes = bytes::BytesMut::new();
            while let Some(part) = body.next().await {
                let part = part.map_err(|error| of_error(&error))?;
                if part.len() > limit - bytes.len() {
                    let detail = format!("a response is larger than {limit} bytes");
                    return Err(unexpected(&detail));
                }
                bytes.extend_from_slice(&part);
            }
            Ok(bytes.freeze())
        };
        let read = timeout_at(deadline, reading).await;
        read.unwrap_or_else(|_| Err(FrameworkError::DeadlineExceeded.into()))
    }

    /// Reads the error in a response.
    async fn read_error(
        &self,
        response: Response<Incoming>,
        task: ConnectionTask,
        deadline: Instant,
    ) -> ErrorData {
        let status = response.status();
        let content = response.headers().get(CONTENT_TYPE).cloned();
        // An error whose text is lost is still that error.
        let body = self
            .read(response, task, deadline)
            .await
            .unwrap_or_default();
        of_response(&self.base.destination(), status, content.as_ref(), &body)
    }
}
