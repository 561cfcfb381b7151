use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::coop;

use crate::peer::CallContext;

/// The lock that the handlers of one ordered service take in turn, on one connection. It is fair.
pub(crate) type ServiceOrder = Mutex<()>;

/// The locks of all ordered services on one connection.
///
/// There are as many as ordered services, so few that a linear search is best.
#[derive(Debug, Default)]
pub(in crate::peer) struct ServiceOrders(Vec<(Weak<ServiceOrder>, Arc<ServiceOrder>)>);

impl ServiceOrders {
    /// Returns the lock of a service. The service is identified by its own lock, which handlers in this process take.
    fn of(&mut self, service: &Arc<ServiceOrder>) -> Arc<ServiceOrder> {
        // A service that is not served any more has dropped its lock.
        self.0.retain(|(service, _)| service.strong_count() > 0);
        let found = self
            .0
            .iter()
            .find(|(known, _)| known.as_ptr() == Arc::as_ptr(service));
        if let Some((_, turns)) = found {
            return Arc::clone(turns);
        }
        let turns = Arc::default();
        self.0.push((Arc::downgrade(service), Arc::clone(&turns)));
        turns
    }
}

/// The permit of an ordered handler to run.
#[derive(Debug)]
pub(crate) struct OrderPermit(
    #[expect(dead_code, reason = "it is dropped in time")] OwnedMutexGuard<()>,
);

/// A place in the queue of an ordered service: a future of an [`OrderPermit`]. Dropping it gives the place up.
pub(crate) struct AcquireOrder(AcquireState);

enum AcquireState {
    Now(Option<OrderPermit>),
    Later(Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>),
}

impl AcquireOrder {
    /// Takes a place in the queue of `service`, on the connection of the call.
    ///
    /// A call within this process has no connection, and is polled by its caller. It takes its place on the first poll,
    /// so that a call that is never polled blocks no other.
    pub(crate) fn take(context: &CallContext, service: &Arc<ServiceOrder>) -> Self {
        let Some(connection) = context.connection() else {
            return Self(AcquireState::Later(Box::pin(
                Arc::clone(service).lock_owned(),
            )));
        };
        let turns = connection.service_orders().of(service);
        if let Ok(guard) = Arc::clone(&turns).try_lock_owned() {
            return Self(AcquireState::Now(Some(OrderPermit(guard))));
        }
        let mut later = Box::pin(turns.lock_owned());
        // The first poll takes the place. It cannot be left to the handler's first poll, since several handlers may be
        // polled at once, and must not be delayed by tokio's cooperative budget.
        let polled =
            pin!(coop::unconstrained(later.as_mut())).poll(&mut Context::from_waker(Waker::noop()));
        Self(match polled {
            Poll::Ready(guard) => AcquireState::Now(Some(OrderPermit(guard))),
            Poll::Pending => AcquireState::Later(later),
        })
    }
}

impl Future for AcquireOrder {
    type Output = OrderPermit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OrderPermit> {
        match &mut self.0 {
            AcquireState::Now(held) => match held.take() {
                Some(held) => Poll::Ready(held),
                None => Poll::Pending,
            },
            AcquireState::Later(later) => later.as_mut().poll(cx).map(OrderPermit),
        }
    }
}
