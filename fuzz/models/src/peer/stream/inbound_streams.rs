use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how often they are dropped.
#[derive(Debug)]
pub(in crate::peer) struct UnboundStreams(pub(in crate::peer) Arc<AtomicUsize>);

impl Drop for UnboundStreams {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(in crate::peer) struct InboundStreams;
