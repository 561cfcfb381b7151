use crate::peer::connection::ConnectionCore;

/// The task of a handler that is pending. No handler of a model is.
pub(in crate::peer) struct HandlerTask;

impl ConnectionCore {
    pub(in crate::peer) fn spawn_handlers(&self, _: impl Iterator<Item = HandlerTask>) {}
}
