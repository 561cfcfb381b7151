use std::fmt;

use async_trait::async_trait;
use chirp_runtime::channel::Identity;
use chirp_runtime::packet::{Metadata, MetadataError};
use http::HeaderValue;
use http::request::Parts;

/// Finds out who sends a request, such as by a token in the header `Authorization`.
///
/// ```
/// # mod chirp { pub use chirp_runtime::channel; pub use chirp_runtime::channel::Identity; }
/// # mod demo { pub use chirp_web::http; }
/// use async_trait::async_trait;
/// use chirp::Identity;
/// use chirp::channel::CertificateNames;
/// # use demo::http::{Authenticate, Authenticated, Unauthenticated};
///
/// struct Tokens;
///
/// #[async_trait]
/// impl Authenticate for Tokens {
///     async fn authenticate(&self, request: &http::request::Parts) -> Result<Authenticated, Unauthenticated> {
///         match request.headers.get("authorization") {
///             None => Ok(Authenticated::anonymous()),
///             Some(value) if value == "Bearer an-example" => {
///                 Ok(Authenticated::new(Identity::Names(CertificateNames::new(["ann"]))))
///             }
///             Some(_) => Err(Unauthenticated::new("Bearer")),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Returns the identity of the sender, by which the gateway's access rules decide.
    ///
    /// # Errors
    ///
    /// [`Unauthenticated`] if the request has no valid proof of an identity: the response has the status 401.
    async fn authenticate(&self, request: &Parts) -> Result<Authenticated, Unauthenticated>;
}

/// The sender of a request.
#[derive(Clone, Debug, Default)]
pub struct Authenticated {
    pub(super) identity: Identity,
    pub(super) metadata: Metadata,
}

impl Authenticated {
    /// Creates a sender with this identity.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            metadata: Metadata::new(),
        }
    }

    /// Creates a sender that is not identified, and may do what access rules allow everybody.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Adds an entry of metadata to the calls of the sender, in place of what the request has under this key. Services behind
    /// the gateway see the gateway's identity, so metadata is how they learn about the sender.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if the key is invalid.
    pub fn metadata(mut self, key: &str, value: impl AsRef<[u8]>) -> Result<Self, MetadataError> {
        self.metadata.insert(key, value)?;
        Ok(self)
    }
}

/// The request has no valid proof of an identity.
#[derive(Clone)]
pub struct Unauthenticated {
    pub(super) challenge: Option<HeaderValue>,
}

impl Unauthenticated {
    /// Creates the error with the value of the response's header `WWW-Authenticate`, such as `Bearer`. A value that no header
    /// can have is left out.
    pub fn new(challenge: &str) -> Self {
        Self {
            challenge: HeaderValue::from_str(challenge).ok(),
        }
    }
}

impl fmt::Debug for Unauthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unauthenticated")
            .field("challenge", &self.challenge)
            .finish()
    }
}
