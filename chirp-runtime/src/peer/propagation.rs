use std::fmt;
#[cfg(feature = "tracing")]
use std::sync::Arc;

#[cfg(feature = "tracing")]
use crate::peer::Propagator;

/// The parts of call contexts that the peers of a builder pass on.
#[derive(Clone, Default)]
pub(in crate::peer) struct Propagation {
    /// The metadata keys that calls made within a call inherit.
    pub(in crate::peer) inherited: Vec<Box<str>>,
    #[cfg(feature = "tracing")]
    pub(in crate::peer) propagator: Option<Arc<dyn Propagator>>,
}

impl Propagation {
    /// Returns `true` if calls made within a call inherit metadata with this key.
    pub(in crate::peer) fn inherits(&self, key: &str) -> bool {
        self.inherited.iter().any(|inherited| **inherited == *key)
    }
}

impl fmt::Debug for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Propagation")
            .field("inherited", &self.inherited)
            .finish_non_exhaustive()
    }
}
