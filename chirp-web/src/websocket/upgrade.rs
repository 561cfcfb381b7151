//! The server's side of a handshake, apart from reading and writing: used alone and in programs of hyper and axum.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chirp_runtime::channel::Identity;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
    WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use sha1::{Digest, Sha1};

use super::WebSocketError;
use super::head::{has_token, tokens};
use super::settings::{Settings, Subprotocol, TokenHolder};
use crate::origin_policy::OriginError;

/// The version of the protocol.
pub(super) const VERSION: &str = "13";

/// Appended to the key of a handshake (RFC 6455, 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The prefix of a subprotocol that is a token: a page cannot set the header `Authorization`.
const TOKEN_PROTOCOL: &str = "chirp.token.";

/// Returns the answer to the key of a handshake.
pub(super) fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(KEY_SUFFIX);
    STANDARD.encode(digest.finalize())
}

/// A handshake that this side accepts.
pub(super) struct Accepted {
    /// The answer, with status 101.
    pub(super) answer: Response<String>,
    /// The identity that the handshake proved, if it did.
    pub(super) identity: Option<Identity>,
}

/// A handshake that this side refuses, with the answer.
pub(super) struct Refused(pub(super) Box<Response<String>>);

impl Refused {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        let mut answer = Box::new(Response::new(text.into()));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Self(answer)
    }

    pub(super) fn bad_request(text: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    fn with(mut self, name: http::HeaderName, value: &'static str) -> Self {
        self.0
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        self
    }

    /// Returns the error that this side reports.
    pub(super) fn to_error(&self) -> WebSocketError {
        WebSocketError::Refused {
            status: self.0.status().as_u16(),
            text: self.0.body().clone(),
        }
    }
}

/// Decides on a handshake, whose path must be `path`, if there is one.
pub(super) async fn check(
    settings: &Settings,
    request: Parts,
    path: Option<&str>,
) -> Result<Accepted, Refused> {
    settings.origins.check(&request).map_err(|error| {
        let status = match error {
            OriginError::NoHost => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        };
        Refused::new(status, error.to_string())
    })?;
    if path.is_some_and(|path| path != request.uri.path()) {
        let text = format!("nothing is served at {}", request.uri.path());
        return Err(Refused::new(StatusCode::NOT_FOUND, text));
    }
    let headers = &request.headers;
    let is_upgrade =
        has_token(headers, CONNECTION, "upgrade") && has_token(headers, UPGRADE, "websocket");
    if !is_upgrade {
        let text = "this address speaks WebSocket: send a handshake of RFC 6455";
        return Err(Refused::new(StatusCode::UPGRADE_REQUIRED, text).with(UPGRADE, "websocket"));
    }
    if request.method != Method::GET || request.version != Version::HTTP_11 {
        return Err(Refused::bad_request(
            "a WebSocket handshake is a GET request of HTTP/1.1",
        ));
    }
    if !has_only(headers, SEC_WEBSOCKET_VERSION, VERSION) {
        let text = "the version of WebSocket is not supported: use version 13";
        let refused = Refused::new(StatusCode::UPGRADE_REQUIRED, text);
        return Err(refused
            .with(SEC_WEBSOCKET_VERSION, VERSION)
            .with(UPGRADE, "websocket"));
    }
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get_all(CONTENT_LENGTH)
            .iter()
            .any(|length| length != "0");
    if has_body {
        return Err(Refused::bad_request("a WebSocket handshake has no body"));
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) if STANDARD.decode(key).is_ok_and(|key| key.len() == 16) => key,
        _ => {
            return Err(Refused::bad_request(
                "the header Sec-WebSocket-Key is missing or invalid",
            ));
        }
    };
    let accept = accept_key(key.as_bytes());
    let protocol = choose_protocol(&settings.subprotocol, headers)?;
    let identity = authenticate(settings, request).await?;
    let mut answer = Response::new(String::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    Ok(Accepted { answer, identity })
}

fn has_only(headers: &HeaderMap, name: http::HeaderName, value: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|found| found == value) && values.next().is_none()
}

/// Returns the subprotocol of the answer.
fn choose_protocol(
    wanted: &Subprotocol,
    headers: &HeaderMap,
) -> Result<Option<&'static str>, Refused> {
    let mut offered = tokens(headers, SEC_WEBSOCKET_PROTOCOL)
        .filter(|name| !name.is_empty() && !name.starts_with(TOKEN_PROTOCOL))
        .peekable();
    let is_offered = offered.peek().is_some();
    match wanted {
        Subprotocol::Required(name) if offered.any(|found| found == *name) => Ok(Some(name)),
        Subprotocol::Required(name) => {
            let text = format!("the subprotocol `{name}` is required: offer it in the handshake");
            Err(Refused::new(StatusCode::BAD_REQUEST, text))
        }
        Subprotocol::Optional(name) if offered.any(|found| found == *name) => Ok(Some(name)),
        Subprotocol::Optional(name) if is_offered => {
            let text = format!("no subprotocol of the handshake is known: offer `{name}`, or none");
            Err(Refused::new(StatusCode::BAD_REQUEST, text))
        }
        Subprotocol::Optional(_) => Ok(None),
    }
}

/// Returns the identity that a token or the hook gives, if they do.
async fn authenticate(settings: &Settings, request: Parts) -> Result<Option<Identity>, Refused> {
    let mut identity = None;
    if settings.requires_token() {
        let token = bearer(&request.headers).or_else(|| {
            tokens(&request.headers, SEC_WEBSOCKET_PROTOCOL)
                .find_map(|name| name.strip_prefix(TOKEN_PROTOCOL))
        });
        let Some(holder) = token.and_then(|token| settings.find_holder(token)) else {
            let text = "a valid token is required: send `Authorization: Bearer ..`, or the subprotocol `chirp.token...`";
            let refused = Refused::new(StatusCode::UNAUTHORIZED, text);
            return Err(refused.with(WWW_AUTHENTICATE, "Bearer"));
        };
        if let TokenHolder::Account(name) = holder {
            identity = Some(Identity::Account(name));
        }
    }
    match &settings.authenticate {
        Some(hook) => {
            let refused = |text| {
                Refused::new(StatusCode::UNAUTHORIZED, text).with(WWW_AUTHENTICATE, "Bearer")
            };
            hook(request).await.map(Some).map_err(refused)
        }
        None => Ok(identity),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (kind, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
