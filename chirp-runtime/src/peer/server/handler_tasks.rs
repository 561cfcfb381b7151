use tokio::task::AbortHandle;

use crate::session::{InboundCallId, SecondaryMap};

/// The abort handles of handlers that have a task of their own, by call.
#[derive(Default)]
pub(in crate::peer) struct HandlerTasks {
    tasks: SecondaryMap<InboundCallId, AbortHandle>,
}

impl HandlerTasks {
    /// Registers the task of a handler.
    pub(in crate::peer) fn put(&mut self, call: InboundCallId, task: AbortHandle) {
        self.tasks.insert(call, task);
    }

    /// Takes the task of a call's handler, if it has one.
    pub(in crate::peer) fn take(&mut self, call: InboundCallId) -> Option<AbortHandle> {
        self.tasks.remove(call)
    }

    /// Takes the tasks of all handlers.
    pub(in crate::peer) fn take_all(&mut self, tasks: &mut Vec<AbortHandle>) {
        tasks.extend(self.tasks.drain());
    }
}
