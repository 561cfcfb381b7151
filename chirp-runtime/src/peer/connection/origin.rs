use crate::channel::{Credentials, Endpoint, Identity};

static ANONYMOUS: Identity = Identity::Anonymous;

/// What is known of the other side of a connection. Kept apart, since nothing is known on many channels.
pub(in crate::peer) struct Origin {
    pub(in crate::peer) remote: Option<Endpoint>,
    pub(in crate::peer) credentials: Option<Credentials>,
    pub(in crate::peer) identity: Identity,
}

impl Origin {
    /// Returns the origin in a box, if anything is known.
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
