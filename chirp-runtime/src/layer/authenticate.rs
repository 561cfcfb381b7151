use std::collections::HashSet;
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use crate::packet::FrameworkError;
use crate::peer::{HandlerFuture, InboundRequest, Layer, Next, Reply};

/// The key of the metadata that has a bearer token.
const AUTHORIZATION: &str = "authorization";
const SCHEME: &[u8] = b"Bearer ";

type Accept = dyn Fn(&mut InboundRequest) + Send + Sync;

/// A layer that admits calls by a secret in their metadata. Other calls are refused with
/// [`FrameworkError::PermissionDenied`] (C70A).
///
/// Secrets are compared in a time that depends on their lengths only. A secret is sent in clear text with every call: use
/// TLS, or a transport within one machine.
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::layer;
/// # }
/// use chirp::layer::Authenticate;
/// use chirp::{AsCaller, Peer, PeerBuilder};
///
/// #[derive(Clone)]
/// struct Tenant(&'static str);
///
/// // A handler reads the tenant with `cx.extension::<Tenant>()`.
/// let builder = PeerBuilder::new().layer(
///     Authenticate::bearer([("t0ken-of-ann", Tenant("ann")), ("t0ken-of-bob", Tenant("bob"))]).open(["Shop.look"]),
/// );
///
/// # fn client(peer: &Peer) {
/// let caller = peer.as_caller().with_metadata("authorization", "Bearer t0ken-of-ann");
/// # }
/// ```
#[derive(Clone)]
pub struct Authenticate {
    key: Arc<str>,
    scheme: &'static [u8],
    secrets: Arc<[Secret]>,
    open: HashSet<String>,
}

struct Secret {
    bytes: Box<[u8]>,
    accept: Box<Accept>,
}

impl Authenticate {
    /// Admits calls with `Bearer TOKEN` under the metadata key `authorization`. The value beside the token becomes an
    /// extension of the call, for inner layers and the handler.
    pub fn bearer<T, V>(tokens: impl IntoIterator<Item = (T, V)>) -> Self
    where
        T: AsRef<[u8]>,
        V: Clone + Send + Sync + 'static,
    {
        let secrets = tokens.into_iter().map(|(token, value)| Secret {
            bytes: token.as_ref().into(),
            accept: Box::new(move |request| request.insert_extension(value.clone())),
        });
        Self {
            key: AUTHORIZATION.into(),
            scheme: SCHEME,
            secrets: secrets.collect(),
            open: HashSet::new(),
        }
    }

    /// Admits calls with this secret under the metadata key `key`.
    pub fn secret(key: &str, secret: impl AsRef<[u8]>) -> Self {
        let secret = Secret {
            bytes: secret.as_ref().into(),
            accept: Box::new(|_| {}),
        };
        Self {
            key: key.into(),
            scheme: b"",
            secrets: [secret].into(),
            open: HashSet::new(),
        }
    }

    /// Admits calls of these methods without a secret, by their registered names.
    #[must_use]
    pub fn open<N: Into<String>>(mut self, methods: impl IntoIterator<Item = N>) -> Self {
        self.open.extend(methods.into_iter().map(Into::into));
        self
    }

    /// Checks the secret of a call. Returns the reason if it is not accepted.
    fn check(&self, request: &mut InboundRequest) -> Result<(), String> {
        let registered = request.registered_name();
        if registered.is_some_and(|name| self.open.contains(name)) {
            return Ok(());
        }
        let key = &self.key;
        let Some(value) = request.context().metadata().get(key) else {
            return Err(format!("the call has no metadata `{key}`"));
        };
        let Some(sent) = value.strip_prefix(self.scheme) else {
            return Err(format!("the metadata `{key}` is not a bearer token"));
        };
        // All secrets are compared, so that the time does not tell which one is similar.
        let mut found = None;
        for secret in &*self.secrets {
            if is_equal(&secret.bytes, sent) {
                found = Some(secret);
            }
        }
        let Some(secret) = found else {
            return Err(format!("the metadata `{key}` is not accepted"));
        };
        (secret.accept)(request);
        Ok(())
    }
}

/// Compares two byte strings in a time that depends on their lengths only. An empty secret equals nothing.
fn is_equal(secret: &[u8], sent: &[u8]) -> bool {
    if secret.len() != sent.len() || secret.is_empty() {
        return false;
    }
    let pairs = secret.iter().zip(sent);
    let difference = pairs.fold(0, |difference, (one, other)| {
        black_box(difference | (one ^ other))
    });
    difference == 0
}

impl Layer for Authenticate {
    fn handle(&self, mut request: InboundRequest, next: Next) -> HandlerFuture {
        match self.check(&mut request) {
            Ok(()) => Box::pin(next.run(request)),
            Err(reason) => {
                let error = FrameworkError::PermissionDenied.to_error_data(&reason);
                Box::pin(std::future::ready(Reply::Error(error)))
            }
        }
    }
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("key", &self.key)
            .field("secrets", &self.secrets.len())
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}
