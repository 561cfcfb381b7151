use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::codec::ArgumentTable;
use crate::packet::FrameworkError;
use crate::peer::server::layer::resolve;
use crate::peer::{Handler, HandlerFuture, ReflectedService, Request};

/// The properties of a method that calls by its JSON name need. The handler is that of the method itself.
#[derive(Clone)]
pub(crate) struct JsonForm {
    pub(crate) service: Arc<dyn ReflectedService>,
    /// The index of the method in its service.
    pub(crate) index: usize,
    pub(crate) arguments: ArgumentTable,
    /// The time limit of the method. Generated clients apply it themselves.
    pub(crate) deadline: Option<Duration>,
}

impl JsonForm {
    /// Starts to handle a call by the JSON name of the method that `handler` handles.
    pub(in crate::peer) fn handle(
        &self,
        handler: &dyn Handler,
        mut request: Request,
    ) -> HandlerFuture {
        if let Some(obstacle) = self.service.json_obstacle(self.index) {
            let error = FrameworkError::Unsupported.to_error_data(obstacle);
            return Box::pin(ready(error.into()));
        }
        request.set_json(self.arguments);
        let deadline = match request.context().time_limit() {
            // The caller has a time limit of its own, as a call has that was given another timeout.
            Some(_) => None,
            None => self
                .deadline
                .and_then(|limit| Instant::now().checked_add(limit)),
        };
        let Some(deadline) = deadline else {
            return handler.handle(request);
        };
        request.limit(deadline);
        request.defer_here();
        let handling = handler.handle(request);
        Box::pin(async move {
            let timed = timeout_at(deadline, resolve(handling)).await;
            timed.unwrap_or_else(|_| FrameworkError::DeadlineExceeded.into())
        })
    }
}
