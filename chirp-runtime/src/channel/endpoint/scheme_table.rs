use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::other::is_scheme;
use super::{Endpoint, EndpointError, OtherAddress};
use crate::channel::{Channel, Listener, Scheme};

/// The schemes that endpoints have without a table.
pub(super) const BUILT_IN: [&str; 7] = ["tcp", "tls", "unix", "inproc", "exec", "stdio", "fd"];

/// By name, in lower case.
type Schemes = BTreeMap<Box<str>, Arc<dyn Scheme>>;

/// The schemes that are registered with a builder, in addition to those that are built in.
#[derive(Clone, Default)]
pub(crate) struct SchemeTable {
    /// Without a table, nothing is allocated.
    registered: Option<Arc<Schemes>>,
    /// The first name that could not be registered.
    refused: Option<EndpointError>,
}

impl SchemeTable {
    /// Registers a scheme and replaces the one that was registered before. The first invalid name is kept, and reported
    /// by [`check`](Self::check).
    pub(crate) fn insert(&mut self, name: &str, scheme: Arc<dyn Scheme>) {
        let lower = name.to_ascii_lowercase();
        let why = if !is_scheme(name) {
            "a name is a letter, followed by letters, digits, `+`, `-` and `.`"
        } else if BUILT_IN.contains(&lower.as_str()) {
            "it is built in"
        } else {
            let registered = Arc::make_mut(self.registered.get_or_insert_default());
            registered.insert(lower.into(), scheme);
            return;
        };
        self.refused
            .get_or_insert_with(|| EndpointError::scheme(name, why));
    }

    /// Checks that all names could be registered, and that the scheme of an address is known.
    pub(crate) fn check(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        match endpoint {
            Endpoint::Other(address) => self.get(address).map(drop),
            _ => Ok(()),
        }
    }

    /// Returns whether an address may be dialled that a discovery has found.
    pub(crate) fn is_discoverable(&self, address: &OtherAddress) -> bool {
        self.get(address).is_ok_and(Scheme::is_discoverable)
    }

    pub(super) async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        self.get(address)?.connect(address).await
    }

    pub(super) async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        self.get(address)?.listen(address).await
    }

    fn get(&self, address: &OtherAddress) -> Result<&dyn Scheme, EndpointError> {
        let registered = self.registered.as_deref();
        let scheme = registered.and_then(|schemes| schemes.get(address.scheme()));
        scheme.map(|scheme| &**scheme).ok_or_else(|| {
            let names = registered.into_iter().flat_map(Schemes::keys);
            EndpointError::unknown_scheme(address, names.map(|name| &**name))
        })
    }
}

impl fmt::Debug for SchemeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registered = self.registered.iter().flat_map(|schemes| schemes.keys());
        f.debug_set().entries(registered).finish()
    }
}
