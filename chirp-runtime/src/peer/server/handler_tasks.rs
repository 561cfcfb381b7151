use tokio::task::AbortHandle;

use crate::session::InboundCallId;

/// The abort handles of handlers that have a task of their own, by call.
#[derive(Default)]
pub(in crate::peer) struct HandlerTasks {
    slots: Vec<Option<(InboundCallId, AbortHandle)>>,
}

impl HandlerTasks {
    /// Registers the task of a handler.
    pub(in crate::peer) fn put(&mut self, id: InboundCallId, task: AbortHandle) {
        if self.slots.len() <= id.slot() {
            self.slots.resize_with(id.slot() + 1, || None);
        }
        self.slots[id.slot()] = Some((id, task));
    }

    /// Removes the task of a call's handler, if it has one.
    pub(in crate::peer) fn take(&mut self, id: InboundCallId) -> Option<AbortHandle> {
        let slot = self.slots.get_mut(id.slot())?;
        slot.take_if(|(key, _)| *key == id).map(|(_, task)| task)
    }

    /// Removes all tasks.
    pub(in crate::peer) fn take_all(&mut self, tasks: &mut Vec<AbortHandle>) {
        tasks.extend(self.slots.drain(..).flatten().map(|(_, task)| task));
    }
}
