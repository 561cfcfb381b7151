use tokio::task::AbortHandle;

use crate::session::RunKey;

/// How to interrupt the handlers that have a task of their own: a table beside the session's.
#[derive(Default)]
pub(in crate::peer) struct Runs {
    slots: Vec<Option<(RunKey, AbortHandle)>>,
}

impl Runs {
    /// A handler has a task from now on.
    pub(in crate::peer) fn put(&mut self, run: RunKey, task: AbortHandle) {
        if self.slots.len() <= run.slot() {
            self.slots.resize_with(run.slot() + 1, || None);
        }
        self.slots[run.slot()] = Some((run, task));
    }

    /// The task of this call's handler, if it has one.
    pub(in crate::peer) fn take(&mut self, run: RunKey) -> Option<AbortHandle> {
        let slot = self.slots.get_mut(run.slot())?;
        slot.take_if(|(key, _)| *key == run).map(|(_, task)| task)
    }

    /// The tasks of all handlers.
    pub(in crate::peer) fn take_all(&mut self, tasks: &mut Vec<AbortHandle>) {
        tasks.extend(self.slots.drain(..).flatten().map(|(_, task)| task));
    }
}
