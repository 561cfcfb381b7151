use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{Handler, Handling, Reply, Request};
use crate::packet::{MAX_METHOD_LEN, RESERVED_PREFIX};

/// Method names, and the handlers that answer to them.
///
/// The whole name decides. A name that is not registered goes to the fallback, or is answered with
/// *unknown method* where there is none.
#[derive(Clone, Default)]
pub struct Router {
    routes: HashMap<Box<[u8]>, Route>,
    fallback: Option<Arc<dyn Handler>>,
}

#[derive(Clone)]
struct Route {
    handler: Arc<dyn Handler>,
    index: usize,
    owner: &'static str,
}

impl Router {
    /// Answers `name` by `handler`, in place of whatever answered to it.
    ///
    /// # Panics
    ///
    /// When the name is over 255 bytes or begins with `chirp.`: no peer could call it.
    #[must_use]
    pub fn handle(mut self, name: impl AsRef<[u8]>, handler: impl Handler) -> Self {
        let name = name.as_ref();
        assert!(
            name.len() <= MAX_METHOD_LEN,
            "method name too long: {} bytes, at most 255",
            name.len()
        );
        assert!(
            !reserved(name),
            "names that begin `chirp.` belong to the framework"
        );
        self.routes.insert(
            name.into(),
            Route {
                handler: Arc::new(handler),
                index: 0,
                owner: "a handler",
            },
        );
        self
    }

    /// Answers every name that is not registered by `handler`, which sees the name that was called.
    #[must_use]
    pub fn fallback(mut self, handler: impl Handler) -> Self {
        self.fallback = Some(Arc::new(handler));
        self
    }

    /// Answers `name` by `handler`, which is told `index` ([`Request::route`]): for one handler that
    /// answers to many names. `owner` is who to name when two claim one name.
    ///
    /// # Errors
    ///
    /// [`DuplicateMethod`] when the name is taken, too long, or reserved.
    pub fn route(
        &mut self,
        name: &str,
        handler: &Arc<dyn Handler>,
        index: usize,
        owner: &'static str,
    ) -> Result<(), DuplicateMethod> {
        let refuse = |first: &'static str| {
            Err(DuplicateMethod {
                method: name.to_owned(),
                first,
                second: owner,
            })
        };
        if reserved(name.as_bytes()) {
            return refuse("the framework");
        }
        if let Some(route) = self.routes.get(name.as_bytes()) {
            return refuse(route.owner);
        }
        self.routes.insert(
            name.as_bytes().into(),
            Route {
                handler: Arc::clone(handler),
                index,
                owner,
            },
        );
        Ok(())
    }

    /// Whether any name is answered.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.fallback.is_none()
    }
}

fn reserved(name: &[u8]) -> bool {
    name.starts_with(RESERVED_PREFIX.as_bytes())
}

impl Handler for Router {
    fn handle(&self, mut request: Request) -> Handling {
        match (self.routes.get(request.method()), &self.fallback) {
            (Some(route), _) => {
                request.set_route(route.index);
                route.handler.handle(request)
            }
            (None, Some(fallback)) => fallback.handle(request),
            (None, None) => Box::pin(std::future::ready(Reply::UnknownMethod)),
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .routes
            .keys()
            .map(|name| name.escape_ascii().to_string());
        f.debug_struct("Router")
            .field("methods", &names.collect::<Vec<_>>())
            .field("fallback", &self.fallback.is_some())
            .finish()
    }
}

/// Two services of one peer claim the same method name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "method `{method}` is claimed by {first} and by {second}: rename one, e.g. with `.named(..)`"
)]
pub struct DuplicateMethod {
    /// The name.
    pub method: String,
    /// Who had it.
    pub first: &'static str,
    /// Who wanted it too.
    pub second: &'static str,
}
