use std::sync::{Arc, LazyLock};

use crate::session::{Limits, SessionConfig};

/// The configuration that builders start with. One for all: it is as large as a tenth of an idle connection.
static DEFAULT: LazyLock<Arc<SessionConfig>> = LazyLock::new(Arc::default);

/// The configuration of a builder's sessions, which they share with the builder.
#[derive(Clone)]
pub(super) struct SharedConfig(Arc<SessionConfig>);

impl SharedConfig {
    pub(super) fn get(&self) -> &SessionConfig {
        &self.0
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Returns the configuration for one more session.
    pub(super) fn share(&self) -> Arc<SessionConfig> {
        Arc::clone(&self.0)
    }

    /// Returns the configuration of later sessions, to change it.
    pub(super) fn change(&mut self) -> &mut SessionConfig {
        Arc::make_mut(&mut self.0)
    }
}

impl Default for SharedConfig {
    fn default() -> Self {
        Self(Arc::clone(&DEFAULT))
    }
}
