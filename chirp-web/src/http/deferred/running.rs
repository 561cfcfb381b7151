//! Calls for deferred requests, which no connection waits for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chirp_runtime::dynamic::{JsonCaller, JsonText};
use chirp_runtime::peer::CallError;
use chirp_runtime::reflect::ValueDescription;
use chirp_runtime::stream::Receiver;
use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};

use super::deferrals::DeferralCore;
use super::reply::DeferredReply;
use crate::http::arguments::CallArguments;
use crate::http::byte_body::ByteBody;
use crate::http::call_head::CallHead;
use crate::http::calling;
use crate::http::item_body::ItemBody;
use crate::http::media_type::MediaType;
use crate::http::problem::Problem;
use crate::http::target::{self, TargetMethod};
use crate::http::upload::Uploads;
use crate::requests::store::RequestRecord;
use crate::requests::{RetryPauses, StreamOffer, StreamUrlError};

/// The pauses before a call that did not run is made again.
const PAUSES: RetryPauses = RetryPauses::new(Duration::from_millis(100), Duration::from_secs(10));

/// The reason why a call has no result.
enum CallFailure {
    /// The method did not run, and may run later.
    NotYet(Problem),
    Final(Problem),
}

impl CallFailure {
    /// Sorts a problem because of which the call was not made.
    fn before_call(problem: Problem) -> Self {
        match problem.status() {
            StatusCode::SERVICE_UNAVAILABLE => Self::NotYet(problem),
            _ => Self::Final(problem),
        }
    }
}

impl From<Problem> for CallFailure {
    fn from(problem: Problem) -> Self {
        Self::Final(problem)
    }
}

/// Calls the method of a request until it has run, or the time of the request has passed. Dropping the future cancels the call.
pub(super) async fn run(
    core: &DeferralCore,
    record: &RequestRecord,
    arguments: &Bytes,
) -> DeferredReply {
    let deadline = Instant::now() + record.time_left(SystemTime::now());
    let timed_out = || DeferredReply::Problem(Problem::timed_out());
    let mut attempt = 0_u32;
    loop {
        attempt = attempt.saturating_add(1);
        let permit = Arc::clone(&core.running).acquire_owned();
        let Ok(permit) = timeout_at(deadline, permit).await else {
            return timed_out();
        };
        let permit = permit.expect("the semaphore is never closed");
        // Boxed, so that a request that waits has no room for a call.
        let called = Box::pin(timeout_at(
            deadline,
            once(core, record, arguments, deadline, permit),
        ))
        .await;
        match called {
            Err(_) => return timed_out(),
            Ok(Ok(reply)) => return reply,
            Ok(Err(CallFailure::Final(problem))) => return DeferredReply::Problem(problem),
            Ok(Err(CallFailure::NotYet(problem))) => {
                let pause = PAUSES.after(attempt);
                if Instant::now() + pause >= deadline {
                    return DeferredReply::Problem(problem);
                }
                sleep(pause).await;
            }
        }
    }
}

async fn once(
    core: &DeferralCore,
    record: &RequestRecord,
    arguments: &Bytes,
    deadline: Instant,
    permit: OwnedSemaphorePermit,
) -> Result<DeferredReply, CallFailure> {
    let method = target::find(&core.targets, &record.method).await;
    let method = method.map_err(CallFailure::before_call)?;
    let description = method.description();
    if !description.idempotent {
        let begun = core.begin(record).await;
        begun.map_err(CallFailure::before_call)?;
    }
    let failed = |error: CallError| {
        let is_final = !(error.is_safe_to_retry() && error.is_transient());
        let problem = Problem::of_call(error, description);
        if is_final {
            CallFailure::Final(problem)
        } else {
            CallFailure::NotYet(problem)
        }
    };
    let head = CallHead {
        timeout: None,
        trace: record.trace.clone(),
        metadata: record.metadata.clone(),
    };
    let caller = JsonCaller::new(&method.caller);
    let name = &description.name;
    let urls = core.urls.clone().with_base(record.base_url.clone());
    let arguments = CallArguments::of_json(arguments.clone(), description, &urls)?;
    if description.one_way {
        let (list, mut uploads) = arguments.into_list();
        let call = caller.call_one_way(name, list).all_metadata(&head.metadata);
        let call = match head.trace {
            Some(trace) => call.trace(trace),
            None => call,
        };
        uploads.start();
        call.await.map_err(failed)?;
        return Ok(DeferredReply::Result(Bytes::from_static(b"null")));
    }
    if description.items.is_some() {
        let (list, mut uploads) = arguments.into_list();
        let is_bytes = calling::offered(description).first() == Some(&MediaType::Bytes);
        let offers = urls.own.as_ref().zip(urls.base.as_deref());
        let offers = offers.filter(|_| !record.collects);
        if let Some((offers, base)) = offers
            && is_bytes
        {
            let call = caller.byte_stream(name, list);
            let call = calling::with_options(call, head, deadline, description, &mut uploads);
            let items = call.await.map_err(failed)?;
            let body = ByteBody::new(items, method, uploads, permit);
            return Ok(offered(offers.offer_body(MediaType::Bytes, body), base)?);
        }
        let call = calling::with_options(
            caller.stream(name, list),
            head,
            deadline,
            description,
            &mut uploads,
        );
        let items = call.await.map_err(failed)?;
        if let Some((offers, base)) = offers {
            let body = ItemBody::new(items, MediaType::Lines, method, uploads, permit);
            return Ok(offered(offers.offer_body(MediaType::Lines, body), base)?);
        }
        let result = collected(items, &method, core.settings.max_response).await?;
        return Ok(DeferredReply::Result(result));
    }
    let result = match arguments {
        CallArguments::Text(text) => {
            let call = method.caller.call(method.json_name.clone(), text);
            calling::with_options(call, head, deadline, description, &mut Uploads::default()).await
        }
        CallArguments::List(list, mut uploads) => {
            let call = calling::with_options(
                caller.call(name, list),
                head,
                deadline,
                description,
                &mut uploads,
            );
            call.await.map(|result| result.into_string().into())
        }
    };
    let result = result.map_err(failed)?;
    if result.len() > core.settings.max_response {
        return Err(too_large(core.settings.max_response).into());
    }
    Ok(DeferredReply::Result(result))
}

/// Returns the URL of a stream, which waits for its reader from now on.
fn offered(
    offer: Result<StreamOffer, StreamUrlError>,
    base: &str,
) -> Result<DeferredReply, Problem> {
    let offer = offer?;
    let reply = DeferredReply::Stream {
        url: offer.url_at(base),
        expires_in: offer.seconds_left(),
    };
    offer.detach();
    Ok(reply)
}

/// Collects the items of a stream: in an array, or as text in base64 if they are bytes.
async fn collected(
    mut items: Receiver<JsonText>,
    method: &TargetMethod,
    limit: usize,
) -> Result<Bytes, Problem> {
    let description = method.description();
    let is_bytes = description
        .items
        .as_ref()
        .is_some_and(ValueDescription::is_bytes);
    let mut out = Vec::new();
    while let Some(item) = items.recv().await {
        let item = item.map_err(|error| Problem::of_stream(error, description))?;
        if is_bytes {
            let bytes = item.to_bytes().map_err(|error| {
                let detail = format!("an item of the result is not bytes: {error}");
                Problem::new(StatusCode::BAD_GATEWAY, detail)
            })?;
            out.extend_from_slice(&bytes);
        } else {
            out.push(if out.is_empty() { b'[' } else { b',' });
            out.extend_from_slice(item.as_str().as_bytes());
        }
        if out.len() > limit {
            return Err(too_large(limit));
        }
    }
    if is_bytes {
        return Ok(format!("\"{}\"", STANDARD.encode(out)).into());
    }
    if out.is_empty() {
        out.push(b'[');
    }
    out.push(b']');
    Ok(out.into())
}

fn too_large(limit: usize) -> Problem {
    let detail = format!(
        "the result is too large: at most {limit} bytes (`DeferredRequests::max_response`)"
    );
    Problem::new(StatusCode::BAD_GATEWAY, detail)
}
