use tokio::task::AbortHandle;

use crate::session::InboundCallId;

/// The abort handles of handlers that have a task of their own, by call.
#[derive(Default)]
pub(in crate::peer) struct HandlerTasks {
    slots: Vec<Option<(InboundCallId, AbortHandle)>>,
}

impl HandlerTasks {
    /// Registers the task of a handler.
    pub(in crate::peer) fn put(&mut self, run: InboundCallId, task: AbortHandle) {
        if self.slots.len() <= run.slot() {
            self.slots.resize_with(run.slot() + 1, || None);
        }
        self.slots[run.slot()] = Some((run, task));
    }

    /// Removes the task of a call's handler, if it has one.
    pub(in crate::peer) fn take(&mut self, run: InboundCallId) -> Option<AbortHandle> {
        let slot = self.slots.get_mut(run.slot())?;
        slot.take_if(|(key, _)| *key == run).map(|(_, task)| task)
    }

    /// Removes all tasks.
    pub(in crate::peer) fn take_all(&mut self, tasks: &mut Vec<AbortHandle>) {
        tasks.extend(self.slots.drain(..).flatten().map(|(_, task)| task));
    }
}
