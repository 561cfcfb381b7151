use std::sync::Arc;

use crate::channel::Channel;
use crate::packet::Hello;

impl Channel {
    /// Sets the extensions and limits of the other side, as if it had declared them in `chirp.hello` before its first
    /// packet. For channels that translate to another protocol.
    #[must_use]
    pub fn with_hello(mut self, hello: Hello) -> Self {
        self.fact = Some(Arc::new(hello));
        self
    }

    /// Returns the extensions and limits that were set by [`with_hello`](Self::with_hello).
    pub fn hello(&self) -> Option<Hello> {
        self.fact.as_ref()?.downcast_ref().copied()
    }
}
