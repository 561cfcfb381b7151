use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

type ResolveFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of names: with the system's resolver, or a function of the program.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    function: Option<Arc<dyn Fn(String) -> ResolveFuture + Send + Sync>>,
}

impl Resolver {
    pub(super) fn new<F, R>(function: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        Self {
            function: Some(Arc::new(move |name| Box::pin(function(name)))),
        }
    }

    /// Returns all addresses of a name, at least one.
    pub(super) async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses = if let Some(function) = &self.function {
            function(name.to_owned()).await?
        } else {
            let found = tokio::net::lookup_host((name, 0)).await?;
            found.map(|address| address.ip()).collect()
        };
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        if addresses.is_empty() {
            let text = "the name has no address";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        Ok(addresses)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.function.is_some() {
            "function"
        } else {
            "system"
        };
        write!(f, "Resolver({name})")
    }
}
