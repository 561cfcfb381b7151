use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::client::Renamed;
#[cfg(feature = "reflect")]
use super::described_service::DescribedService;
use super::method::MethodHandler;
use super::{Contract, Method, ServiceTable};
use crate::peer::{
    AcquireOrder, BlockingPool, Handler, HandlerFuture, Layer, Layers, MethodId, Request,
    RouteDetails, RouteError, RouteOwner, Router, ServiceOrder,
};
#[cfg(feature = "reflect")]
use crate::peer::{JsonForm, ReflectedService};

/// A service that can be registered, such as `ArithServer::new(implementation)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "expected a generated server, e.g. `ArithServer::new(..)`",
    note = "`#[chirp::service]` generates a server named after the trait: wrap the implementation in it"
)]
pub trait Service: Send + Sync + 'static {
    /// Registers a handler for each method of the service.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if a name is invalid or in use. Methods before that one remain registered.
    fn register(self, router: &mut Router) -> Result<(), RouteError>
    where
        Self: Sized;
}

/// An implementation of a service with its options, which generated servers wrap.
pub struct Implementation<T> {
    answers: Arc<T>,
    renamed: Option<Renamed>,
    /// The pool that the program has chosen.
    blocking: Option<BlockingPool>,
    layers: Layers,
}

/// The methods of a service trait.
pub struct Methods<T: 'static> {
    /// The service's name for error messages about duplicate method names.
    pub owner: &'static str,
    /// The methods, in the order of the trait.
    pub methods: &'static [Method<T>],
    /// The methods' signatures, in the same order.
    pub contract: Contract,
    /// Whether the methods run one after another on each connection.
    pub ordered: bool,
    /// The descriptions of the methods, in the same order. `None` if the service is not described.
    pub reflection: Option<&'static ServiceTable>,
}

#[cfg(feature = "reflect")]
impl<T> Methods<T> {
    /// Returns the JSON forms of the methods of an instance.
    fn json_forms(&self, renamed: Option<&Renamed>) -> Vec<JsonForm> {
        let Some(table) = self.reflection else {
            return Vec::new();
        };
        let name = match renamed {
            None => table.name,
            Some(renamed) => renamed.instance_name(),
        };
        let service = DescribedService::new(table, self.contract, name.to_owned());
        let service: Arc<dyn ReflectedService> = Arc::new(service);
        let methods = table.methods.iter().enumerate();
        methods
            .map(|(index, method)| JsonForm {
                service: Arc::clone(&service),
                index,
                arguments: method.arguments,
                deadline: method.deadline,
            })
            .collect()
    }
}

impl<T: Send + Sync + 'static> Implementation<T> {
    /// Creates an implementation with the service's own name and the default options.
    pub fn new(implementation: Arc<T>) -> Self {
        Self {
            answers: implementation,
            renamed: None,
            blocking: None,
            layers: Layers::default(),
        }
    }

    /// Sets the name of the instance, in place of the service's `own` name.
    #[must_use]
    pub fn named(mut self, own: &'static str, name: &str) -> Self {
        self.renamed = Some(Renamed::new(own, name));
        self
    }

    /// Sets a prefix of the instance's method names, in place of the service's `own` name and the dot.
    #[must_use]
    pub fn prefixed(mut self, own: &'static str, prefix: &str) -> Self {
        self.renamed = Some(Renamed::prefixed(own, prefix));
        self
    }

    /// Sets the thread pool for blocking methods.
    #[must_use]
    pub fn blocking(mut self, blocking: &BlockingPool) -> Self {
        self.blocking = Some(blocking.clone());
        self
    }

    /// Adds a layer around the handlers of this service, inside of the layers that it has.
    #[must_use]
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Registers the methods.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if a name is invalid or in use.
    pub fn register(self, router: &mut Router, of: &Methods<T>) -> Result<(), RouteError> {
        let turns: Option<Arc<ServiceOrder>> = of.ordered.then(Arc::default);
        let handler: Arc<dyn Handler> = Arc::new(MethodTable {
            implementation: self.answers,
            methods: of.methods,
            blocking: self.blocking.map_or_else(OnceLock::new, OnceLock::from),
            turns: turns.clone(),
        });
        let owner = Arc::new(RouteOwner {
            handler,
            name: of.owner,
            order: turns,
            layers: self.layers,
        });
        #[cfg(feature = "reflect")]
        let forms = of.json_forms(self.renamed.as_ref());
        for (index, (method, signature)) in of.methods.iter().zip(of.contract.methods()).enumerate()
        {
            let named = |id: MethodId| match &self.renamed {
                None => Cow::Borrowed(id.name()),
                Some(renamed) => Cow::Owned(renamed.method(id)),
            };
            let own = named(method.id);
            for id in std::iter::once(&method.id).chain(method.aliases) {
                let name = named(*id);
                let details = RouteDetails {
                    signature: Some(signature.fingerprint()),
                    id: Some(method.id),
                    #[cfg(feature = "reflect")]
                    json: forms.get(index).cloned(),
                };
                router.route_method(&name, &own, &owner, index, details)?;
            }
        }
        Ok(())
    }
}

impl<T> fmt::Debug for Methods<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.methods).finish()
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

/// The handler for all methods of a service. The router passes the index of the method.
struct MethodTable<T: 'static> {
    implementation: Arc<T>,
    methods: &'static [Method<T>],
    /// Created by the first call of a method that blocks, unless the program has chosen a pool.
    blocking: OnceLock<BlockingPool>,
    /// The order of calls without a connection, if the methods run one after another. Also the key of this
    /// service in each connection's orders.
    turns: Option<Arc<ServiceOrder>>,
}

impl<T: Send + Sync + 'static> Handler for MethodTable<T> {
    fn handle(&self, request: Request) -> HandlerFuture {
        let implementation = Arc::clone(&self.implementation);
        let turn = match &self.turns {
            Some(turns) if !request.has_turn() => {
                Some(AcquireOrder::take(request.context(), turns))
            }
            _ => None,
        };
        match (&self.methods[request.route()].handle, turn) {
            (MethodHandler::Waits(handle), None) => handle(implementation, request),
            (MethodHandler::Waits(handle), Some(turn)) => {
                let handle = *handle;
                Box::pin(async move {
                    let _held = turn.await;
                    handle(implementation, request).await
                })
            }
            (MethodHandler::Blocks(handle, run), turn) => {
                let blocking = self.blocking.get_or_init(BlockingPool::default).clone();
                run(*handle, implementation, request, (blocking, turn))
            }
        }
    }
}
