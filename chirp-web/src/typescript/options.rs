use std::collections::BTreeSet;

/// Options of [`generate`](super::generate).
#[derive(Clone, Debug, Default)]
pub struct Options {
    services: BTreeSet<String>,
    module: Option<String>,
}

impl Options {
    /// Creates options with which all services are written, for the package `chirp-rpc`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the service of this name. Without this, all services are written. Can be repeated.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.insert(name.into());
        self
    }

    /// Sets the module that generated code imports. The default is `chirp-rpc`.
    #[must_use]
    pub fn module(mut self, module: impl Into<String>) -> Self {
        self.module = Some(module.into());
        self
    }

    pub(super) fn includes(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }

    pub(super) fn module_name(&self) -> &str {
        self.module.as_deref().unwrap_or("chirp-rpc")
    }
}
