use std::fmt;
use std::sync::{OnceLock, Weak};

/// What a half of a stream in this process asks for when it has to wait: that the call which the other half was given
/// to is sent.
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

    /// Says which call it is. Only the first counts: a half travels once.
    pub(in crate::peer) fn set(&self, call: Weak<dyn Startable>) {
        let _ = self.0.set(call);
    }
}

impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Demand")
    }
}
