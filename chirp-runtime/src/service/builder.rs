use super::Service;
use crate::peer::PeerBuilder;

impl PeerBuilder {
    /// Serves the methods of a service.
    ///
    /// If two services have a method of the same name, building the peer fails with both services' names.
    /// Rename one of them with `.named(..)` or `.prefixed(..)`.
    #[must_use]
    pub fn service(self, service: impl Service) -> Self {
        self.routes(|router| service.register(router))
    }
}
