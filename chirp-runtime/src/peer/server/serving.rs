use std::fmt;
use std::sync::Arc;

use crate::peer::{Extensions, Router};

type SetExtensions = dyn Fn(&mut Extensions) + Send + Sync;

/// What a peer serves: its routes, and the extensions for their handlers.
///
/// It is dropped when the session ends, together with everything that its handlers own.
#[derive(Clone, Default)]
pub(in crate::peer) struct Serving {
    pub(in crate::peer) router: Router,
    pub(in crate::peer) extensions: Extensions,
    pub(in crate::peer) per_call: Option<Arc<SetExtensions>>,
}

impl Serving {
    /// Returns the extensions for one call.
    pub(in crate::peer) fn extensions(&self) -> Extensions {
        let mut extensions = self.extensions.clone();
        if let Some(per_call) = &self.per_call {
            per_call(&mut extensions);
        }
        extensions
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("router", &self.router)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}
