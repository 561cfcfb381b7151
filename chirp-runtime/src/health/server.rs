use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::watch;

use super::{Health, HealthStatus};
use crate::codec::Bincode;
use crate::packet::{FrameworkError, HEALTH_CHECK_METHOD, HEALTH_WATCH_METHOD};
use crate::peer::{CallContext, Handler, HandlerFuture, PeerBuilder, Reply, Request};
use crate::service::{Streamed, not_wanted, results};

impl PeerBuilder {
    /// Answers peers that ask for the states of services: see [`HealthClient`](super::HealthClient). Off by default. Every
    /// peer may ask, whatever the access policy.
    #[must_use]
    pub fn health(self, health: &Health) -> Self {
        let (check, watch) = (HealthCheck(health.clone()), HealthWatch(health.clone()));
        self.routes(|router| {
            router.reserved(HEALTH_CHECK_METHOD, Arc::new(check));
            router.reserved(HEALTH_WATCH_METHOD, Arc::new(watch));
            Ok(())
        })
    }
}

impl Health {
    /// The state as the peer of a connection sees it.
    fn status_for(&self, service: &str, cx: &CallContext) -> HealthStatus {
        match self.status(service) {
            HealthStatus::Serving if cx.is_draining() => HealthStatus::NotServing,
            status => status,
        }
    }
}

/// Answers `chirp.health.check`.
struct HealthCheck(Health);

impl Handler for HealthCheck {
    fn handle(&self, request: Request) -> HandlerFuture {
        let reply = match str::from_utf8(request.params()) {
            Ok(service) => {
                let status = self.0.status_for(service, request.context());
                Reply::Value(vec![status.to_byte()].into())
            }
            Err(_) => FrameworkError::InvalidArguments.into(),
        };
        Box::pin(std::future::ready(reply))
    }
}

/// Answers `chirp.health.watch`.
struct HealthWatch(Health);

impl Handler for HealthWatch {
    fn handle(&self, request: Request) -> HandlerFuture {
        let Ok(service) = str::from_utf8(request.params()).map(str::to_owned) else {
            return Box::pin(std::future::ready(FrameworkError::InvalidArguments.into()));
        };
        let Some(results) = results::<Bincode>(&request) else {
            return Box::pin(std::future::ready(not_wanted()));
        };
        let changes = HealthChanges {
            health: self.0.clone(),
            changed: self.0.changes(),
            service,
            cx: request.context().clone(),
            last: None,
        };
        let stream = HealthStates {
            next: Some(Box::pin(changes.next())),
        };
        Box::pin(<HealthStatus as Streamed<Bincode>>::send(results, stream))
    }
}

/// The changes of one service's state. They end when the connection drains.
struct HealthChanges {
    health: Health,
    changed: watch::Receiver<BTreeMap<String, bool>>,
    service: String,
    cx: CallContext,
    last: Option<HealthStatus>,
}

impl HealthChanges {
    async fn next(mut self) -> Option<(HealthStatus, Self)> {
        loop {
            self.changed.mark_unchanged();
            // Before the state: a connection that begins to drain after it is noticed below.
            let drains = self.cx.is_draining();
            let status = self.health.status_for(&self.service, &self.cx);
            if self.last != Some(status) {
                self.last = Some(status);
                return Some((status, self));
            }
            if drains {
                return None;
            }
            tokio::select! {
                // The sender lives in `health`, so this cannot fail.
                _ = self.changed.changed() => {}
                () = self.cx.draining() => {}
            }
        }
    }
}

/// The stream of a service's states.
struct HealthStates {
    next: Option<NextState>,
}

type NextState = Pin<Box<dyn Future<Output = Option<(HealthStatus, HealthChanges)>> + Send>>;

impl Stream for HealthStates {
    type Item = HealthStatus;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<HealthStatus>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let found = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(found.map(|(status, changes)| {
            self.next = Some(Box::pin(changes.next()));
            status
        }))
    }
}
