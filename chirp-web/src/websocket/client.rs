//! The client's side of a handshake.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chirp_runtime::channel::Channel;
use http::header::{
    CONNECTION, CONTENT_LENGTH, LOCATION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::WebSocketError;
use super::address::WebSocketAddress;
use super::connection::{ChannelInfo, WebSocketConnection};
use super::frame::Side;
use super::head::{HeadReader, MAX_HEADERS, has_token, headers};
use super::masks::Masks;
use super::settings::{Settings, Subprotocol};
use super::upgrade::{VERSION, accept_key};

/// The longest text of the server in an error.
const MAX_TEXT: usize = 512;

/// The answer of a server.
struct Answer {
    status: u16,
    reason: String,
    headers: HeaderMap,
}

/// Performs a handshake.
pub(super) async fn connect(
    settings: &Settings,
    channel: Channel,
    address: &WebSocketAddress,
) -> io::Result<WebSocketConnection> {
    let info = ChannelInfo::of(&channel);
    let (reader, mut writer) = channel.into_split();
    let key = STANDARD.encode(Masks::new().key());
    let authorization = match &settings.token {
        // The text is printed into a head.
        Some(token) if token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            format!("Authorization: Bearer {token}\r\n")
        }
        Some(_) => {
            let text = "a token consists of printable ASCII characters without spaces";
            return Err(WebSocketError::InvalidAddress(text).into());
        }
        None => String::new(),
    };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: {VERSION}\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {}\r\n{authorization}\r\n",
        address.target,
        address.host_header(),
        settings.subprotocol.name(),
    );
    writer.write_all(request.as_bytes()).await?;
    writer.flush().await?;
    let mut reader = HeadReader::new(reader);
    let answer = reader.read(parse).await?;
    if answer.status != StatusCode::SWITCHING_PROTOCOLS.as_u16() {
        return Err(refusal(answer, reader).await.into());
    }
    check(&answer.headers, &key, &settings.subprotocol)?;
    Ok(WebSocketConnection {
        reader: reader.io,
        early: reader.buffer.freeze(),
        writer,
        side: Side::Client,
        info,
    })
}

fn parse(bytes: &[u8]) -> Result<Option<(usize, Answer)>, WebSocketError> {
    const INVALID: WebSocketError = WebSocketError::NotWebSocket("its answer is not HTTP");
    let mut parsed = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut parsed);
    match answer.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            let answer = Answer {
                status: answer.code.ok_or(INVALID)?,
                reason: answer.reason.unwrap_or_default().to_owned(),
                headers: headers(answer.headers).ok_or(INVALID)?,
            };
            Ok(Some((length, answer)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(INVALID),
    }
}

/// Checks an answer with status 101.
fn check(headers: &HeaderMap, key: &str, wanted: &Subprotocol) -> Result<(), WebSocketError> {
    let is_upgrade =
        has_token(headers, CONNECTION, "upgrade") && has_token(headers, UPGRADE, "websocket");
    if !is_upgrade {
        return Err(WebSocketError::NotWebSocket(
            "its answer does not upgrade the connection",
        ));
    }
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT);
    if accept.is_none_or(|accept| accept != &*accept_key(key.as_bytes())) {
        return Err(WebSocketError::NotWebSocket(
            "its answer is to another handshake",
        ));
    }
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err(WebSocketError::NotWebSocket(
            "it uses an extension that was not offered",
        ));
    }
    let protocol = headers.get(SEC_WEBSOCKET_PROTOCOL);
    match (protocol, wanted) {
        (Some(protocol), wanted) if protocol == wanted.name() => Ok(()),
        (None, Subprotocol::Optional(_)) => Ok(()),
        (None, Subprotocol::Required(_)) => Err(WebSocketError::NotWebSocket(
            "it does not speak the subprotocol `chirp.v0`",
        )),
        (Some(_), _) => Err(WebSocketError::NotWebSocket(
            "it speaks a subprotocol that was not offered",
        )),
    }
}

/// Reads the begin of the body of another answer than 101.
async fn refusal(answer: Answer, mut reader: HeadReader) -> WebSocketError {
    let location = answer
        .headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok());
    if let (300..=399, Some(location)) = (answer.status, location) {
        let location = cut(location).to_owned();
        return WebSocketError::Redirected { location };
    }
    let length = answer
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.unwrap_or(0).min(MAX_TEXT);
    while reader.buffer.len() < length {
        let left = (length - reader.buffer.len()) as u64;
        match (&mut reader.io)
            .take(left)
            .read_buf(&mut reader.buffer)
            .await
        {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let body = reader.buffer.get(..length).unwrap_or(&reader.buffer);
    let body = String::from_utf8_lossy(body);
    let text = if body.trim().is_empty() {
        answer.reason.trim()
    } else {
        body.trim()
    };
    WebSocketError::Rejected {
        status: answer.status,
        text: cut(text).to_owned(),
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
