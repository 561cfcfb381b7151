use std::sync::Arc;
use std::time::Duration;

use crate::peer::connection::ConnectionCore;
use crate::peer::task;
use crate::session::Session;

impl ConnectionCore {
    /// Starts a task that ages cancelled calls which have not been answered, if there are any and no task does.
    pub(in crate::peer) fn watch_abandoned(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.session.limits().cancel_timeout == Duration::MAX {
            return;
        }
        let wanted = state.session.abandoned() > 0 && state.end.is_none();
        if !wanted || std::mem::replace(&mut state.abandoned_watched, true) {
            return;
        }
        drop(state);
        task::spawn(&self.runtime, watch(Arc::clone(self)));
    }
}

/// Ages the cancelled calls at intervals, until all are answered.
async fn watch(connection: Arc<ConnectionCore>) {
    let tick = connection.look().session.limits().cancel_timeout / Session::AGE;
    while !connection.ends_within(tick).await {
        let mut state = connection.lock();
        if state.session.abandoned() == 0 {
            state.abandoned_watched = false;
            return;
        }
        let ticked = state.session.tick();
        drop(state);
        if let Err(fatal) = ticked {
            return connection.end(fatal.into());
        }
    }
}
