//! Posting responses to the hooks of their requests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chirp_runtime::packet::TraceContext;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::delivery_slots::DeliverySlots;
use super::signing::{SigningSecret, signatures};
use super::store::StoredResponse;
use super::timestamp::unix_time;
use super::{DeferredId, DeferredRequests};
use crate::outgoing::OutgoingClient;

pub(super) const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
pub(super) const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub(super) const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The number of the attempt, from 1.
pub(super) const ATTEMPT: HeaderName = HeaderName::from_static("chirp-attempt");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest pause that a receiver may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Posts responses to their destinations.
#[derive(Debug)]
pub(crate) struct Deliverer {
    client: OutgoingClient,
    secrets: Vec<SigningSecret>,
    slots: DeliverySlots,
}

/// A response with its destination.
#[derive(Debug)]
pub(crate) struct Delivery<'d> {
    pub(crate) id: DeferredId,
    pub(crate) hook: &'d str,
    pub(crate) trace: Option<&'d TraceContext>,
    pub(crate) response: &'d StoredResponse,
}

/// An attempt to deliver a response has failed.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct DeliveryFailure {
    text: String,
    /// Whether further attempts would fail, too.
    pub(crate) is_final: bool,
    /// The pause that the receiver has asked for.
    pub(crate) retry_after: Option<Duration>,
}

impl DeliveryFailure {
    fn new(error: &impl ToString, is_final: bool) -> Self {
        Self {
            text: error.to_string(),
            is_final,
            retry_after: None,
        }
    }

    fn of_status(status: StatusCode, headers: &HeaderMap) -> Self {
        // A receiver that is gone says so with 410, and one that will never take a response of this length with 413. Every other
        // status may be that of a receiver that is being repaired.
        let is_final = matches!(status, StatusCode::GONE | StatusCode::PAYLOAD_TOO_LARGE);
        Self {
            text: format!("the receiver answered {status}"),
            is_final,
            retry_after: headers.get(RETRY_AFTER).and_then(retry_after),
        }
    }
}

impl Deliverer {
    pub(crate) fn new(settings: &DeferredRequests) -> Self {
        Self {
            client: settings.client.clone(),
            secrets: settings.secrets.clone(),
            slots: DeliverySlots::new(
                settings.max_deliveries,
                settings.max_deliveries_per_destination,
            ),
        }
    }

    /// Posts a response, when there is room for it among those that are being sent.
    pub(crate) async fn attempt(
        &self,
        delivery: &Delivery<'_>,
        number: u32,
    ) -> Result<(), DeliveryFailure> {
        let url = self.client.check(delivery.hook);
        let url = url.map_err(|error| DeliveryFailure::new(&error, true))?;
        let destination: Arc<str> = url.destination().into();
        let _slot = self.slots.take(&destination).await;
        let headers = self.headers(delivery, number);
        // Boxed, so that a delivery that waits has no room for an exchange.
        let body = delivery.response.body.clone();
        let posted = Box::pin(self.client.post(&url, headers, body));
        let answer = posted.await.map_err(|error| {
            let is_final = !error.is_transient();
            DeliveryFailure::new(&error, is_final)
        })?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(DeliveryFailure::of_status(answer.status, &answer.headers))
    }

    fn headers(&self, delivery: &Delivery<'_>, number: u32) -> HeaderMap {
        let id = delivery.id.to_string();
        let timestamp = unix_time(SystemTime::now()).as_secs();
        let mut headers = HeaderMap::new();
        let mut insert = |name: HeaderName, value: &str| {
            // All values are ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        insert(CONTENT_TYPE, &delivery.response.media_type);
        insert(WEBHOOK_ID, &id);
        insert(WEBHOOK_TIMESTAMP, &timestamp.to_string());
        insert(ATTEMPT, &number.to_string());
        if !self.secrets.is_empty() {
            let signatures = signatures(&self.secrets, &id, timestamp, &delivery.response.body);
            insert(WEBHOOK_SIGNATURE, &signatures);
        }
        if let Some(trace) = delivery.trace {
            insert(TRACE_PARENT, &trace.traceparent());
            if !trace.state().is_empty() {
                insert(TRACE_STATE, trace.state());
            }
        }
        headers
    }
}

/// Reads the pause in `Retry-After`: seconds, or a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let pause = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Some(pause.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_ask_for_a_pause_in_seconds_or_with_a_date_and_within_a_bound() {
        let pause = |text: &str| retry_after(&text.parse().expect("a value"));
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(
            pause("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(MAX_RETRY_AFTER)
        );
        assert_eq!(pause("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        for wrong in ["", "-1", "soon", "1.5"] {
            assert_eq!(pause(wrong), None, "{wrong}");
        }
    }
}
