use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::packet::{ErrorData, FrameworkError};
use chirp_runtime::peer::Reply;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::connection::GatewayClient;
use super::failure::unexpected;
use crate::outgoing::{ConnectionTask, OutgoingRequestBody};
use crate::requests::{HookReceiver, HookTicket};
use crate::task::boxed;

const RESPOND_TO: HeaderName = HeaderName::from_static("chirp-respond-to");

/// The time for telling a gateway that a call is cancelled.
const CANCEL_TIME: Duration = Duration::from_secs(10);

/// A receiver of responses, and the URL at which gateways reach it.
#[derive(Clone, Debug)]
pub(super) struct ResponseHook {
    pub(super) receiver: HookReceiver,
    pub(super) base: String,
}

/// The answer to a request that a gateway has accepted.
#[derive(Deserialize)]
struct Accepted {
    id: String,
}

/// Cancels an accepted request when it is dropped.
struct CancelGuard {
    gateway: Arc<GatewayClient>,
    /// The path of the request. `None` once the response has come.
    path: Option<String>,
}

impl ResponseHook {
    /// Adds the header that asks for the response at a URL of its own.
    pub(super) fn ask(&self, headers: &mut HeaderMap) -> Result<HookTicket, ErrorData> {
        let ticket = self.receiver.expect(&self.base);
        let ticket =
            ticket.map_err(|error| FrameworkError::Overloaded.to_error_data(&error.to_string()))?;
        let url = HeaderValue::from_str(ticket.url());
        let url = url.map_err(|_| unexpected("the URL of the receiver is invalid"))?;
        headers.insert(RESPOND_TO, url);
        Ok(ticket)
    }
}

/// Waits for the response to a request that a gateway has accepted. Dropping the future cancels the request.
pub(super) async fn wait(
    gateway: &Arc<GatewayClient>,
    response: Response<Incoming>,
    task: ConnectionTask,
    ticket: HookTicket,
    deadline: Instant,
) -> Result<Reply, ErrorData> {
    let accepted = gateway.read(response, task, deadline).await?;
    let accepted: Accepted = serde_json::from_slice(&accepted)
        .map_err(|error| unexpected(&format!("the ID of the request: {error}")))?;
    let mut guard = CancelGuard {
        gateway: Arc::clone(gateway),
        path: Some(format!("requests/{}", accepted.id)),
    };
    let response = timeout_at(deadline, ticket).await;
    let response = response.map_err(|_| ErrorData::from(FrameworkError::DeadlineExceeded))?;
    guard.path = None;
    let response = response.map_err(|error| unexpected(&error.to_string()))?;
    let json = response.into_json()?;
    Ok(Reply::Value(Bytes::from(json.into_string()).into()))
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else {
            return;
        };
        let gateway = Arc::clone(&self.gateway);
        tokio::spawn(boxed(async move {
            let deadline = Instant::now() + CANCEL_TIME;
            let body = OutgoingRequestBody::EMPTY;
            // The time limit of the request ends the call, too.
            let _ = gateway
                .send(Method::DELETE, &path, HeaderMap::new(), body, deadline)
                .await;
        }));
    }
}
