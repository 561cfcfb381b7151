use std::fmt;
use std::sync::Arc;

use crate::peer::{Extensions, Router};

type PrepareExtensions = dyn Fn(&mut Extensions) + Send + Sync;

/// What a peer serves: its routes, and the extensions for their handlers.
///
/// It is dropped when the session ends, together with everything that its handlers own.
#[derive(Clone, Default)]
pub(in crate::peer) struct Serving {
    pub(in crate::peer) router: Router,
    pub(in crate::peer) values: Extensions,
    pub(in crate::peer) prepare: Option<Arc<PrepareExtensions>>,
}

impl Serving {
    /// Returns the extensions for one call.
    pub(in crate::peer) fn values(&self) -> Extensions {
        let mut values = self.values.clone();
        if let Some(prepare) = &self.prepare {
            prepare(&mut values);
        }
        values
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("router", &self.router)
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}
