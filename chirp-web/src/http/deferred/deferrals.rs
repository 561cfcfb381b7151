use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::task::DeferralTask;
use crate::http::problem::Problem;
use crate::http::target::Target;
use crate::http::url_arguments::UrlArguments;
use crate::requests::store::{
    Acceptance, NextStep, RequestChange, RequestEnd, RequestOutcome, RequestRecord, RequestStore,
    StoreError, StoredRequest,
};
use crate::requests::{
    DeferredId, DeferredRequests, Deliverer, OpenLimit, OpenLimits, OpenRequests,
};
use crate::task::boxed;

/// The number of stored requests that are read at once.
const PAGE: usize = 256;

/// The pause after an error of the store.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The deferred requests of a gateway. Dropping it stops their tasks; those in a store go on when it is opened again.
pub(in crate::http) struct Deferrals {
    core: Arc<DeferralCore>,
}

/// The parts that the tasks of requests share.
pub(super) struct DeferralCore {
    pub(super) settings: DeferredRequests,
    pub(super) targets: Arc<[Target]>,
    /// The streams that arguments may name.
    pub(super) urls: UrlArguments,
    pub(super) store: Arc<RequestStore>,
    pub(super) open: Arc<OpenRequests>,
    /// Permits for calls.
    pub(super) running: Arc<Semaphore>,
    pub(super) deliverer: Deliverer,
}

impl Deferrals {
    pub(in crate::http) fn new(
        settings: DeferredRequests,
        targets: Arc<[Target]>,
        urls: UrlArguments,
    ) -> Self {
        let limits = OpenLimits {
            requests: settings.max_requests,
            requests_per_caller: settings.max_requests_per_caller,
            held: settings.max_held,
        };
        let calls = settings
            .max_concurrent_calls
            .clamp(1, Semaphore::MAX_PERMITS);
        Self {
            core: Arc::new(DeferralCore {
                targets,
                urls,
                store: settings
                    .store
                    .clone()
                    .unwrap_or_else(|| Arc::new(RequestStore::memory())),
                open: Arc::new(OpenRequests::new(limits)),
                running: Arc::new(Semaphore::new(calls)),
                deliverer: Deliverer::new(&settings),
                settings,
            }),
        }
    }

    pub(super) fn core(&self) -> &Arc<DeferralCore> {
        &self.core
    }

    /// Goes on with the requests that an earlier gateway has left in the store.
    pub(in crate::http) async fn resume(&self) {
        let core = &self.core;
        let mut last = 0;
        while !core.open.is_stopped() {
            match core.store.unfinished(last, PAGE).await {
                // They are still in the store, and must not wait for the next start.
                Err(_) => sleep(STORE_PAUSE).await,
                Ok(requests) => {
                    let Some(request) = requests.last() else {
                        return;
                    };
                    last = request.sequence;
                    for request in requests {
                        core.resume(request);
                    }
                }
            }
        }
    }

    /// Waits until no request is open. Cancel safe.
    pub(in crate::http) async fn idle(&self) {
        self.core.open.idle().await;
    }

    /// Stops all tasks. Requests that are open are left to the store.
    pub(in crate::http) fn stop(&self) {
        self.core.open.stop();
    }
}

impl Drop for Deferrals {
    fn drop(&mut self) {
        self.stop();
    }
}

impl DeferralCore {
    /// Accepts a request, and calls its method in the background. Returns the request's ID, or that of the same request that was
    /// accepted before.
    pub(super) async fn accept(
        self: &Arc<Self>,
        record: RequestRecord,
        arguments: Bytes,
        counts_caller: bool,
    ) -> Result<DeferredId, Problem> {
        let id = DeferredId::from_bytes(record.id);
        let caller = counts_caller.then_some(record.owner.as_str());
        let place = self.open.open(id, caller, arguments.len());
        let place = place.map_err(refused)?;
        let record = Arc::new(record);
        let (sender, accepted) = oneshot::channel();
        let core = Arc::clone(self);
        // The task is its own from here on: a caller that goes away must not leave a request that is stored and does not run.
        let task = tokio::spawn(boxed(async move {
            let acceptance = Box::pin(core.store(&record, &arguments)).await;
            let is_new = matches!(acceptance, Ok(Acceptance::New));
            // A caller that is gone finds the request by its key.
            let _ = sender.send(acceptance);
            if is_new {
                DeferralTask::new(core, place, record).call(arguments).await;
            }
        }));
        self.open.set_task(id, task.abort_handle());
        match accepted.await {
            Ok(Ok(Acceptance::New)) => Ok(id),
            Ok(Ok(Acceptance::Repeated(request))) => Ok(DeferredId::from_bytes(request.record.id)),
            Ok(Ok(Acceptance::Conflict)) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the idempotency key has been used for another request",
            )),
            Ok(Err(_)) => Err(Problem::busy("the request cannot be stored")),
            Err(_) => Err(Problem::busy("shutting down")),
        }
    }

    /// Stores a request that is new.
    async fn store(
        &self,
        record: &Arc<RequestRecord>,
        arguments: &Bytes,
    ) -> Result<Acceptance, StoreError> {
        // Both changes are written at once. Expired requests only take room.
        let (acceptance, _) = tokio::join!(
            self.store.accept(Arc::clone(record), arguments.clone()),
            self.store.expire(SystemTime::now(), PAGE),
        );
        acceptance
    }

    fn resume(self: &Arc<Self>, request: StoredRequest) {
        let id = DeferredId::from_bytes(request.record.id);
        let held = match &request.response {
            Some(response) => response.body.len(),
            None => request.arguments.len(),
        };
        let Some(place) = self.open.reopen(id, held) else {
            return;
        };
        let next = request.next_step(self.settings.reruns_interrupted);
        let task = DeferralTask::new(Arc::clone(self), place, request.record);
        let task = tokio::spawn(boxed(async move {
            match (next, request.response) {
                (NextStep::Deliver, Some(response)) => {
                    task.deliver(response, request.progress.attempt).await;
                }
                (NextStep::ReportInterruption, _) => task.report_interruption().await,
                (NextStep::Run | NextStep::Deliver, _) => task.call(request.arguments).await,
            }
        }));
        self.open.set_task(id, task.abort_handle());
    }

    /// Notes that the call of a request is about to be made.
    pub(super) async fn begin(&self, record: &RequestRecord) -> Result<(), Problem> {
        let begun = self
            .store
            .update(&record.id, RequestChange::Begun(SystemTime::now()))
            .await;
        match begun {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::new(
                StatusCode::GONE,
                "the request has been cancelled",
            )),
            Err(_) => Err(Problem::busy("the request cannot be stored")),
        }
    }

    /// Notes that a request has ended, whose response of `held` bytes is kept, as soon as the store takes it. A request whose end is
    /// not stored is delivered once more after a restart, with the same ID.
    pub(super) async fn end(&self, id: DeferredId, outcome: RequestOutcome, held: usize) {
        while self.try_end(id, outcome, held).await.is_err() {
            sleep(STORE_PAUSE).await;
        }
    }

    async fn try_end(
        &self,
        id: DeferredId,
        outcome: RequestOutcome,
        held: usize,
    ) -> Result<(), StoreError> {
        let at = SystemTime::now();
        let expires = at + self.settings.keep_time;
        let end = RequestEnd {
            outcome,
            at,
            expires,
        };
        let change = RequestChange::Finished(end);
        if self.store.update(id.as_bytes(), change).await?
            && let Some(forgotten) = self.open.end(id, expires, held)
        {
            // It expires anyway.
            let _ = self.store.remove(forgotten.as_bytes()).await;
        }
        Ok(())
    }

    /// Returns a request of this caller.
    pub(super) async fn find(&self, id: &str, owner: &str) -> Result<StoredRequest, Problem> {
        let unknown = || {
            Problem::new(
                StatusCode::NOT_FOUND,
                "there is no such request of this caller",
            )
        };
        let id: DeferredId = id.parse().map_err(|_| unknown())?;
        let request = self.store.get(id.as_bytes()).await;
        let request = request.map_err(|_| Problem::busy("the request cannot be read"))?;
        let now = SystemTime::now();
        request
            .filter(|request| request.record.owner == owner && !request.has_expired(now))
            .ok_or_else(unknown)
    }

    /// Cancels the call of a request, or the delivery of its response. A request whose end cannot be stored goes on.
    pub(super) async fn cancel(self: &Arc<Self>, id: DeferredId) -> Result<(), Problem> {
        let core = Arc::clone(self);
        // A caller that goes away must not leave a call that runs although its request has ended.
        let cancelling = tokio::spawn(async move {
            let ended = core.try_end(id, RequestOutcome::Cancelled, 0).await;
            if ended.is_ok() {
                core.open.abort(id);
            }
            ended
        });
        match cancelling.await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Problem::busy("the end of the request cannot be stored")),
        }
    }
}

fn refused(limit: OpenLimit) -> Problem {
    match limit {
        OpenLimit::Requests => {
            Problem::busy("too many requests are open (`DeferredRequests::max_requests`)")
        }
        OpenLimit::Held => {
            Problem::busy("the open requests hold too many bytes (`DeferredRequests::max_held`)")
        }
        OpenLimit::Stopped => Problem::busy("shutting down"),
        OpenLimit::Caller => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests of this caller are open (`DeferredRequests::max_requests_per_caller`)",
        )
        .header(RETRY_AFTER, http::HeaderValue::from_static("1")),
    }
}
