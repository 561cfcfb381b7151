use std::fmt;
use std::sync::{OnceLock, Weak};

/// With which one half of a stream in this process, when it has to wait, requests that the call that was given the
/// other half be sent.
#[derive(Default)]
pub(crate) struct Demand(OnceLock<Weak<dyn Startable>>);

/// A call that can be sent before it is awaited.
pub(in crate::peer) trait Startable: Send + Sync {
    /// Sends the call, if it has not been sent.
    fn start(&self);
}

impl Demand {
    /// Sends the call, if there is one that has not been sent.
    pub(crate) fn raise(&self) {
        if let Some(call) = self.0.get().and_then(Weak::upgrade) {
            call.start();
        }
    }

    /// Sets the call. Only the first counts: a half is sent once.
    pub(in crate::peer) fn set(&self, call: Weak<dyn Startable>) {
        let _ = self.0.set(call);
    }
}

impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Demand")
    }
}
