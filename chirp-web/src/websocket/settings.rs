use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use chirp_runtime::channel::Identity;
#[cfg(feature = "tls")]
use chirp_runtime::channel::{TlsClient, TlsServer};
use http::request::Parts;
use subtle::ConstantTimeEq;

use crate::origin_policy::OriginPolicy;

/// The subprotocol of Chirp packets in binary messages.
pub(super) const CHIRP: &str = "chirp.v0";

/// The subprotocol of JSON-RPC in text messages.
#[cfg(feature = "jsonrpc")]
pub(super) const JSON_RPC: &str = "jsonrpc";

type AuthenticateFuture = Pin<Box<dyn Future<Output = Result<Identity, String>> + Send>>;
pub(super) type Authenticate = dyn Fn(Parts) -> AuthenticateFuture + Send + Sync;

/// The settings of both sides of a WebSocket.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) subprotocol: Subprotocol,
    pub(super) origins: OriginPolicy,
    /// The token that this side sends as a client, and accepts as a server.
    pub(super) token: Option<Arc<str>>,
    pub(super) accounts: Vec<(Arc<str>, Arc<str>)>,
    pub(super) authenticate: Option<Arc<Authenticate>>,
    #[cfg(feature = "tls")]
    pub(super) client_tls: Option<TlsClient>,
    #[cfg(feature = "tls")]
    pub(super) server_tls: Option<TlsServer>,
}

/// The subprotocol of the messages of a connection.
#[derive(Clone, Debug)]
pub(super) enum Subprotocol {
    /// The other side must speak it.
    Required(&'static str),
    /// The other side may leave it out.
    #[cfg_attr(not(feature = "jsonrpc"), expect(dead_code, reason = "for JSON-RPC"))]
    Optional(&'static str),
}

impl Subprotocol {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Required(name) | Self::Optional(name) => name,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            subprotocol: Subprotocol::Required(CHIRP),
            origins: OriginPolicy::default(),
            token: None,
            accounts: Vec::new(),
            authenticate: None,
            #[cfg(feature = "tls")]
            client_tls: None,
            #[cfg(feature = "tls")]
            server_tls: None,
        }
    }
}

impl Settings {
    pub(super) fn requires_token(&self) -> bool {
        self.token.is_some() || !self.accounts.is_empty()
    }

    /// Returns the holder of a token, if the token is valid. The time does not depend on where texts differ.
    pub(super) fn find_holder(&self, token: &str) -> Option<TokenHolder> {
        let is_same = |known: &str| bool::from(known.as_bytes().ct_eq(token.as_bytes()));
        let mut found = None;
        if self.token.as_deref().is_some_and(is_same) {
            found = Some(TokenHolder::Anyone);
        }
        for (account, known) in &self.accounts {
            if is_same(known) {
                found = Some(TokenHolder::Account(Arc::clone(account)));
            }
        }
        found
    }
}

/// The holder of a valid token.
#[derive(Debug)]
pub(super) enum TokenHolder {
    /// The token has no account, and gives no identity.
    Anyone,
    Account(Arc<str>),
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.accounts.iter().map(|(account, _secret)| account);
        f.debug_struct("Settings")
            .field("subprotocol", &self.subprotocol)
            .field("origins", &self.origins)
            .field("token", &self.token.is_some())
            .field("accounts", &accounts.collect::<Vec<_>>())
            .field("authenticate", &self.authenticate.is_some())
            .finish_non_exhaustive()
    }
}
