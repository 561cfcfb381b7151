use super::Service;
use crate::peer::PeerBuilder;

impl PeerBuilder {
    /// Serves the methods of a service.
    ///
    /// When two services claim one name, making a peer fails and says who they are; `.named(..)` on one
    /// of them mends it.
    #[must_use]
    pub fn service(self, service: impl Service) -> Self {
        self.routes(|router| service.register(router))
    }
}
