use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::sleep;

use super::deferrals::{DeferralCore, STORE_PAUSE};
use super::reply::{DeferredReply, stream_url};
use super::running;
use crate::http::problem::Problem;
use crate::requests::store::{
    DeliveryAttempt, RequestChange, RequestOutcome, RequestRecord, StoredResponse,
};
use crate::requests::{DeferredId, Delivery, OpenPlace, RetryPauses};

/// The work for a deferred request: its call, then the delivery of the response. Dropping it cancels the call.
pub(super) struct DeferralTask {
    core: Arc<DeferralCore>,
    place: OpenPlace,
    record: Arc<RequestRecord>,
}

impl DeferralTask {
    pub(super) fn new(
        core: Arc<DeferralCore>,
        place: OpenPlace,
        record: Arc<RequestRecord>,
    ) -> Self {
        Self {
            core,
            place,
            record,
        }
    }

    fn id(&self) -> DeferredId {
        self.place.id()
    }

    /// Calls the method, then delivers the response.
    pub(super) async fn call(self, arguments: Bytes) {
        let reply = running::run(&self.core, &self.record, &arguments).await;
        drop(arguments);
        Box::pin(self.answer(reply)).await;
    }

    /// Answers a request whose call the end of an earlier gateway has interrupted.
    pub(super) async fn report_interruption(self) {
        let problem = Problem::new(
            StatusCode::BAD_GATEWAY,
            "interrupted: the gateway stopped while the call ran, and the method may have run",
        );
        let problem = problem.named("Interrupted");
        self.answer(DeferredReply::Problem(problem)).await;
    }

    async fn answer(mut self, reply: DeferredReply) {
        let mut response = reply.to_response(self.id(), &self.record.method);
        drop(reply);
        if !self.place.hold(response.body.len()) {
            let problem = Problem::busy(
                "the gateway has no room for the result (`DeferredRequests::max_held`)",
            );
            response = DeferredReply::Problem(problem).to_response(self.id(), &self.record.method);
        }
        let change = RequestChange::Answered(SystemTime::now(), response.clone());
        loop {
            let stored = self
                .core
                .store
                .update(&self.record.id, change.clone())
                .await;
            match stored {
                Ok(true) => break,
                Ok(false) => return,
                // A response that cannot be stored is delivered nevertheless.
                Err(_) if self.record.hook.is_some() => break,
                Err(_) => sleep(STORE_PAUSE).await,
            }
        }
        self.deliver(Arc::new(response), None).await;
    }

    /// Delivers the response. `last` is the last attempt of an earlier gateway.
    pub(super) async fn deliver(
        self,
        response: Arc<StoredResponse>,
        last: Option<DeliveryAttempt>,
    ) {
        let (outcome, kept) = match &self.record.hook {
            None => (RequestOutcome::Kept, response.body.len()),
            Some(hook) => {
                let outcome = Box::pin(self.attempts(hook, &response, last)).await;
                (outcome, 0)
            }
        };
        let Self { core, place, .. } = self;
        let id = place.id();
        core.end(id, outcome, kept).await;
        drop(place);
    }

    fn has_stream(&self, url: &str) -> bool {
        let base = self.record.base_url.as_deref();
        self.core.urls.has_stream(url, base)
    }

    /// Returns the response in place of the URL of a stream that has ended: with an earlier gateway, or since it was not delivered in
    /// time.
    fn stream_is_over(&self) -> StoredResponse {
        let problem = Problem::new(
            StatusCode::GONE,
            "the stream ended before its URL was delivered",
        );
        DeferredReply::Problem(problem.named("StreamGone"))
            .to_response(self.id(), &self.record.method)
    }

    /// Posts the response until its receiver has it, or the time for it has passed.
    async fn attempts(
        &self,
        hook: &str,
        response: &StoredResponse,
        last: Option<DeliveryAttempt>,
    ) -> RequestOutcome {
        let stream_url = stream_url(response);
        let mut without_stream = None;
        let settings = &self.core.settings;
        let pauses = RetryPauses::new(settings.first_pause, settings.longest_pause);
        let mut number = 0;
        if let Some(last) = last {
            number = last.number;
            sleep(last.pause_left(SystemTime::now())).await;
        }
        loop {
            number += 1;
            if let Some(url) = &stream_url
                && !self.has_stream(url)
            {
                without_stream.get_or_insert_with(|| self.stream_is_over());
            }
            let delivery = Delivery {
                id: self.id(),
                hook,
                trace: self.record.trace.as_ref(),
                response: without_stream.as_ref().unwrap_or(response),
            };
            let Err(failure) = self.core.deliverer.attempt(&delivery, number).await else {
                return RequestOutcome::Delivered;
            };
            let pause = pauses
                .after(number)
                .max(failure.retry_after.unwrap_or(Duration::ZERO));
            let at = SystemTime::now();
            let next = at + pause;
            let goes_on = !failure.is_final && next < self.record.deliver_until;
            let attempt = DeliveryAttempt {
                number,
                at,
                error: failure.to_string(),
                next: goes_on.then_some(next),
            };
            let noted = self
                .core
                .store
                .update(&self.record.id, RequestChange::Attempted(attempt))
                .await;
            if let Ok(false) = noted {
                return RequestOutcome::Cancelled;
            }
            if !goes_on {
                return RequestOutcome::Failed;
            }
            sleep(pause).await;
        }
    }
}
