use std::fmt;
use std::sync::Arc;

use super::Method;
use super::client::Renamed;
use crate::peer::{Caller, DuplicateMethod, Handler, Handling, Request, Router};

/// Methods under names, ready to be registered: `ArithServer::new(implementation)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "expected a generated server, e.g. `ArithServer::new(..)`",
    note = "a trait marked `#[chirp::service]` has a server of its name: wrap the implementation in it"
)]
pub trait Service: Send + Sync + 'static {
    /// Answers the names of the service's methods by its implementation.
    ///
    /// # Errors
    ///
    /// [`DuplicateMethod`] when one of the names is taken. The names before it have been registered.
    fn register(self, router: &mut Router) -> Result<(), DuplicateMethod>
    where
        Self: Sized;
}

/// What a generated server is a wrapper of: an implementation, and the name it is registered under.
pub struct Implementation<T> {
    implementation: Arc<T>,
    renamed: Option<Renamed>,
}

impl<T: Send + Sync + 'static> Implementation<T> {
    /// An implementation under its service's own name.
    pub fn new(implementation: Arc<T>) -> Self {
        Self {
            implementation,
            renamed: None,
        }
    }

    /// The same implementation as `name`, not under the service's `own` name.
    #[must_use]
    pub fn named(mut self, own: &'static str, name: &str) -> Self {
        self.renamed = Some(Renamed::new(own, name));
        self
    }

    /// Registers `methods`. `owner` is who to name when two services claim one name.
    ///
    /// # Errors
    ///
    /// [`DuplicateMethod`] when one of the names is taken.
    pub fn register(
        self,
        router: &mut Router,
        owner: &'static str,
        methods: &'static [Method<T>],
    ) -> Result<(), DuplicateMethod> {
        let Self {
            implementation,
            renamed,
        } = self;
        let handler: Arc<dyn Handler> = Arc::new(Table {
            implementation,
            methods,
        });
        for (index, method) in methods.iter().enumerate() {
            for id in std::iter::once(&method.id).chain(method.aliases) {
                match &renamed {
                    None => router.route(id.name(), &handler, index, owner)?,
                    Some(renamed) => router.route(&renamed.method(*id), &handler, index, owner)?,
                }
            }
        }
        Ok(())
    }
}

impl<T> fmt::Debug for Implementation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Implementation")
            .field("of", &std::any::type_name::<T>())
            .field("renamed", &self.renamed)
            .finish_non_exhaustive()
    }
}

/// A caller of `service` in this process, without a connection.
///
/// # Panics
///
/// When two of the service's own methods have one name, which does not compile.
pub fn local(service: impl Service) -> Caller {
    let mut router = Router::default();
    service
        .register(&mut router)
        .expect("the names of one service are distinct");
    Caller::local(router)
}

/// One handler for all methods of a service: the router says which.
struct Table<T: 'static> {
    implementation: Arc<T>,
    methods: &'static [Method<T>],
}

impl<T: Send + Sync + 'static> Handler for Table<T> {
    fn handle(&self, request: Request) -> Handling {
        (self.methods[request.route()].handle)(Arc::clone(&self.implementation), request)
    }
}
