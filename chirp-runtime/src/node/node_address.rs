use super::NodeError;
use crate::channel::Endpoint;

/// An address of a node, from a text or an [`Endpoint`].
///
/// A text needs a scheme, a port or a slash. A word alone, which [`Endpoint`] takes for the path of a Unix socket, is an
/// error: a node would listen where nobody looks for it.
#[derive(Debug)]
pub struct NodeAddress(Result<Endpoint, NodeError>);

impl NodeAddress {
    /// Returns the address.
    ///
    /// # Errors
    ///
    /// [`NodeError::Endpoint`] or [`NodeError::NoScheme`].
    pub fn endpoint(self) -> Result<Endpoint, NodeError> {
        self.0
    }
}

impl From<&str> for NodeAddress {
    fn from(text: &str) -> Self {
        let endpoint = text.parse::<Endpoint>();
        Self(match endpoint {
            Ok(Endpoint::Unix { .. }) if !text.contains('/') => Err(NodeError::NoScheme {
                address: text.into(),
            }),
            Ok(endpoint) => Ok(endpoint),
            Err(error) => Err(error.into()),
        })
    }
}

impl From<&String> for NodeAddress {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for NodeAddress {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Endpoint> for NodeAddress {
    fn from(endpoint: Endpoint) -> Self {
        Self(Ok(endpoint))
    }
}

impl From<&Endpoint> for NodeAddress {
    fn from(endpoint: &Endpoint) -> Self {
        Self(Ok(endpoint.clone()))
    }
}
