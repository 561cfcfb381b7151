use tokio::task::AbortHandle;

use crate::session::InboundCallId;

/// How to interrupt the handlers that have a task of their own: a table beside the session's.
#[derive(Default)]
pub(in crate::peer) struct HandlerTasks {
    slots: Vec<Option<(InboundCallId, AbortHandle)>>,
}

impl HandlerTasks {
    /// A handler has a task from now on.
    pub(in crate::peer) fn put(&mut self, run: InboundCallId, task: AbortHandle) {
        if self.slots.len() <= run.slot() {
            self.slots.resize_with(run.slot() + 1, || None);
        }
        self.slots[run.slot()] = Some((run, task));
    }

    /// The task of this call's handler, if it has one.
    pub(in crate::peer) fn take(&mut self, run: InboundCallId) -> Option<AbortHandle> {
        let slot = self.slots.get_mut(run.slot())?;
        slot.take_if(|(key, _)| *key == run).map(|(_, task)| task)
    }

    /// The tasks of all handlers.
    pub(in crate::peer) fn take_all(&mut self, tasks: &mut Vec<AbortHandle>) {
        tasks.extend(self.slots.drain(..).flatten().map(|(_, task)| task));
    }
}
