use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::coop;

use crate::peer::CallContext;

/// What the handlers of one ordered service wait for on one connection: their turn. Its lock is fair.
pub(crate) type ServiceOrder = Mutex<()>;

/// The turns that are taken on one connection, of each ordered service.
///
/// There are as many as ordered services, which is few: they are searched one by one.
#[derive(Debug, Default)]
pub(in crate::peer) struct ServiceOrders(Vec<(Weak<ServiceOrder>, Arc<ServiceOrder>)>);

impl ServiceOrders {
    /// Those of a service, which is known by the turns that it has itself.
    fn of(&mut self, service: &Arc<ServiceOrder>) -> Arc<ServiceOrder> {
        // A service that is served no longer has let go of its own.
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

/// A handler's turn, for as long as this is kept.
pub(crate) struct OrderPermit(
    #[expect(dead_code, reason = "it is dropped in time")] OwnedMutexGuard<()>,
);

/// A place among those that wait for their turn. Dropping it gives it up.
pub(crate) struct AcquireOrder(AcquireState);

enum AcquireState {
    Now(Option<OrderPermit>),
    Later(Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>),
}

impl AcquireOrder {
    /// Takes a place behind those who have one, of a service that is known by `service`, on the connection
    /// that the call came by.
    ///
    /// A call in this process has no connection, and is polled by whoever made it: there the place is taken
    /// at the first poll, so that a call that is never polled holds nobody up.
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
        // Its place is that of its first poll, which must not wait for the handler's: several handlers may
        // be polled at once. A budget must not put it off either.
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
