use crate::channel::{Credentials, Endpoint, Identity};

static ANONYMOUS: Identity = Identity::Anonymous;

/// The address, credentials and identity of the other side of a connection. Boxed by [`boxed`](Origin::boxed), since many channels
/// have none of them.
pub(in crate::peer) struct Origin {
    pub(in crate::peer) remote: Option<Endpoint>,
    pub(in crate::peer) credentials: Option<Credentials>,
    pub(in crate::peer) identity: Identity,
}

impl Origin {
    /// Returns the origin in a box. `None` if all of its parts are unknown.
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        let is_known =
            self.remote.is_some() || self.credentials.is_some() || !self.identity.is_anonymous();
        is_known.then(|| Box::new(self))
    }

    /// Returns the identity of an origin that may be unknown.
    pub(super) fn identity(origin: Option<&Self>) -> &Identity {
        origin.map_or(&ANONYMOUS, |origin| &origin.identity)
    }
}
