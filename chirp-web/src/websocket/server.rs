//! The server's side of a handshake over a channel.

use std::io;
use std::time::Duration;

use chirp_runtime::channel::{Channel, Reader, Writer};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::WebSocketError;
use super::connection::{ChannelInfo, WebSocketConnection};
use super::frame::Side;
use super::head::{HeadReader, MAX_HEADERS, headers, print_answer};
use super::settings::Settings;
use super::upgrade::{self, Refused};

/// Limits on reading after a refusal, in time and in bytes, so that the client can receive the answer: closing a socket
/// with unread input would discard it.
const LINGER: Duration = Duration::from_secs(1);
const DISCARDED: u64 = 64 << 10;

const TOO_MANY_HEADERS: &str = "its request has too many headers";

/// Performs a handshake. The path of the request must be `path`, if there is one.
pub(super) async fn accept(
    settings: &Settings,
    channel: Channel,
    path: Option<&str>,
) -> io::Result<WebSocketConnection> {
    let mut info = ChannelInfo::of(&channel);
    let (reader, mut writer) = channel.into_split();
    let mut reader = HeadReader::new(reader);
    let checked = match reader.read(parse).await {
        Ok(request) => upgrade::check(settings, request.into_parts().0, path).await,
        Err(error) => Err(match WebSocketError::of(&error) {
            Some(WebSocketError::HeadTooLarge { .. }) => Refused::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                error.to_string(),
            ),
            Some(WebSocketError::NotWebSocket(TOO_MANY_HEADERS)) => Refused::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("the head of the HTTP message is over the limit of {MAX_HEADERS} headers"),
            ),
            Some(_) => Refused::bad_request("the request is not HTTP/1.1"),
            None => return Err(error),
        }),
    };
    match checked {
        Ok(accepted) => {
            writer
                .write_all(print_answer(&accepted.answer).as_bytes())
                .await?;
            writer.flush().await?;
            if let Some(identity) = accepted.identity {
                info.identity = identity;
            }
            Ok(WebSocketConnection {
                reader: reader.io,
                early: reader.buffer.freeze(),
                writer,
                side: Side::Server,
                info,
            })
        }
        Err(refused) => {
            let error = refused.to_error();
            // A failure to deliver the answer does not matter here.
            let _ = tokio::time::timeout(LINGER, refuse(refused, reader.io, writer)).await;
            Err(error.into())
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Option<(usize, Request<()>)>, WebSocketError> {
    const INVALID: WebSocketError = WebSocketError::NotWebSocket("its request is not HTTP/1.1");
    let mut parsed = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut parsed);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(WebSocketError::NotWebSocket(TOO_MANY_HEADERS));
        }
        Err(_) => return Err(INVALID),
    };
    let request = Request::builder()
        .method(head.method.unwrap_or_default())
        .uri(head.path.unwrap_or_default())
        .version(match head.version {
            Some(1) => Version::HTTP_11,
            _ => Version::HTTP_10,
        })
        .body(());
    let mut request = request.map_err(|_| INVALID)?;
    *request.headers_mut() = headers(head.headers).ok_or(INVALID)?;
    Ok(Some((length, request)))
}

/// Sends a refusal and waits until the client has closed.
async fn refuse(refused: Refused, reader: Reader, mut writer: Writer) -> io::Result<()> {
    let Refused(mut answer) = refused;
    let length = HeaderValue::from(answer.body().len());
    answer.headers_mut().insert(CONTENT_LENGTH, length);
    writer.write_all(print_answer(&answer).as_bytes()).await?;
    writer.shutdown().await?;
    let mut rest = reader.take(DISCARDED);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}
