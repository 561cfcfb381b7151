use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "reflect")]
use std::sync::OnceLock;

use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::channel::Identity;
use crate::packet::{FrameworkError, MAX_METHOD_LEN, PacketType, is_reserved, strip_json_suffix};
use crate::peer::monitoring::log;
#[cfg(feature = "reflect")]
use crate::peer::server::json_form::JsonForm;
use crate::peer::server::layer_chain::{Layers, MethodNames, layered};
use crate::peer::server::packets::PacketHandler;
use crate::peer::server::route_entry::{RouteDetails, RouteEntry, RouteOwner};
#[cfg(feature = "reflect")]
use crate::peer::server::stats_source::StatsSource;
use crate::peer::{AccessPolicy, CallContext, Handler, HandlerFuture, Layer, Reply, Request};
#[cfg(feature = "reflect")]
use crate::reflect::Description;

/// Handlers by method name.
///
/// The whole name is matched. A name without a handler goes to the fallback, or is answered with *unknown method* if
/// there is none.
#[derive(Clone, Default)]
pub struct Router {
    pub(super) routes: HashMap<Box<[u8]>, Box<RouteEntry>, RandomState>,
    pub(super) fallback: Option<Arc<dyn Handler>>,
    /// `None` without handlers of packets, which few routers have.
    #[expect(
        clippy::box_collection,
        reason = "a null pointer is smaller than an empty map"
    )]
    packets: Option<Box<HashMap<PacketType, Arc<dyn PacketHandler>>>>,
    pub(super) access: Option<Arc<AccessPolicy>>,
    pub(super) layers: Layers,
    /// The fallback inside of the layers, or the answer to an unknown method. `None` without layers.
    unregistered: Option<Arc<dyn Handler>>,
    /// Answers requests for descriptions. Without it, methods have no JSON names.
    #[cfg(feature = "reflect")]
    pub(super) describer: Option<Describer>,
    /// The description of all routes, if it has been made since routes were changed.
    #[cfg(feature = "reflect")]
    description: Arc<OnceLock<Description>>,
    /// Answers requests for statistics.
    #[cfg(feature = "reflect")]
    pub(super) stats: Option<Arc<dyn StatsSource>>,
    /// Handlers of the framework's own methods.
    pub(super) reserved: Vec<(&'static str, Arc<dyn Handler>)>,
}

/// Answers a request for the description of a router's routes.
#[cfg(feature = "reflect")]
pub(crate) type Describer = fn(&Router, &Request) -> Reply;

/// A registered name.
#[cfg(feature = "reflect")]
pub(crate) struct VisibleRoute<'r> {
    pub(crate) name: &'r [u8],
    /// Whether the name is an alias of the method.
    pub(crate) is_alias: bool,
    /// The method, if it can be described.
    pub(crate) form: Option<&'r JsonForm>,
}

impl Router {
    /// Registers a handler for a name, and replaces the handler that was registered before.
    ///
    /// # Panics
    ///
    /// If the name is longer than 255 bytes or begins with `chirp.`: no peer could call it.
    pub fn handle(&mut self, name: impl AsRef<[u8]>, handler: impl Handler) -> &mut Self {
        let owner = RouteOwner::new(Arc::new(handler), "a handler");
        let route = RouteEntry::new(&owner, 0, RouteDetails::default());
        self.set(name.as_ref(), route);
        self
    }

    /// Registers `alias` for the current handler of `name`. Returns `false` if `name` has none.
    ///
    /// # Panics
    ///
    /// As [`handle`](Self::handle), for `alias`.
    pub fn alias(&mut self, alias: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        let Some(mut route) = self.routes.get(name).cloned() else {
            return false;
        };
        if route.alias_of().is_none() {
            route.set_alias_of(name);
        }
        self.set(alias.as_ref(), route);
        true
    }

    /// Removes the handler of a name. Returns `true` if there was one.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) -> bool {
        self.forget_description();
        self.routes.remove(name.as_ref()).is_some()
    }

    /// Registers the handler of every name that has no handler of its own.
    pub fn fallback(&mut self, handler: impl Handler) -> &mut Self {
        self.fallback = Some(Arc::new(handler));
        self.apply_to_unregistered();
        self
    }

    /// Removes the fallback: names without a handler are unknown.
    pub fn remove_fallback(&mut self) {
        self.fallback = None;
        self.apply_to_unregistered();
    }

    /// Adds a layer around all handlers, those that are registered later and the fallback included. It is inside of the
    /// layers that were added before, and outside of the layers of services. Calls of unknown methods and of
    /// `chirp.contract` pass the layers too; packets of the application's own types do not.
    pub fn layer(&mut self, layer: impl Layer) -> &mut Self {
        self.layers.push(layer);
        for (name, route) in &mut self.routes {
            route.apply(&self.layers, name);
        }
        self.apply_to_unregistered();
        self
    }

    fn apply_to_unregistered(&mut self) {
        self.unregistered = (!self.layers.is_empty()).then(|| {
            let handler = self.fallback.clone();
            let handler = handler.unwrap_or_else(|| Arc::new(unknown_method));
            let layers = [&self.layers, &Layers::default()];
            layered(layers, &handler, MethodNames::default, None)
        });
    }

    /// Restricts calls to those that `access` allows. Without a policy, every peer may call everything.
    ///
    /// Packets of the application's own types are not calls: their handlers check [`CallContext::identity`] themselves.
    pub fn access(&mut self, access: AccessPolicy) -> &mut Self {
        self.access = Some(Arc::new(access));
        self
    }

    /// Registers a handler for packets of one of the application's own types. It is called for one packet at a time, in
    /// order, and never on the read path. An error or a panic of the handler ends the session.
    ///
    /// # Panics
    ///
    /// If the type is below 128 or from `0xC700` to `0xC70F`: these belong to the protocol.
    pub fn handle_packet<F, Fut, E>(&mut self, kind: PacketType, handler: F) -> &mut Self
    where
        F: Fn(CallContext, Bytes) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        assert!(
            kind.is_custom(),
            "packet type {} belongs to the protocol",
            kind.0
        );
        let packets = self.packets.get_or_insert_default();
        packets.insert(kind, Arc::new(handler));
        self
    }

    /// Removes the handler of a packet type: its packets are discarded. Returns `true` if there was one.
    pub fn remove_packet_handler(&mut self, kind: PacketType) -> bool {
        let packets = self.packets.as_mut();
        packets.is_some_and(|packets| packets.remove(&kind).is_some())
    }

    pub(in crate::peer) fn packet_handler(
        &self,
        kind: PacketType,
    ) -> Option<Arc<dyn PacketHandler>> {
        self.packets.as_ref()?.get(&kind).cloned()
    }

    pub(in crate::peer) fn wants(&self, kind: PacketType) -> bool {
        let packets = self.packets.as_ref();
        packets.is_some_and(|packets| packets.contains_key(&kind))
    }

    fn set(&mut self, name: &[u8], mut route: Box<RouteEntry>) {
        let len = name.len();
        assert!(
            len <= MAX_METHOD_LEN,
            "method name too long: {len} bytes, at most 255"
        );
        assert!(
            !is_reserved(name),
            "method names that begin with `chirp.` are reserved for the framework"
        );
        route.apply(&self.layers, name);
        self.insert(name, route);
    }

    fn insert(&mut self, name: &[u8], route: Box<RouteEntry>) {
        self.forget_description();
        self.routes.insert(name.into(), route);
    }

    fn forget_description(&mut self) {
        #[cfg(feature = "reflect")]
        {
            // Copies of the router may go on using the description.
            self.description = Arc::default();
        }
    }

    /// Registers a handler for `name`, which gets `index` through [`Request::route`]: for one handler of many methods.
    /// `owner` names the service in errors.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if the name is taken, too long, or reserved.
    pub fn route(
        &mut self,
        name: &str,
        handler: &Arc<dyn Handler>,
        index: usize,
        owner: &'static str,
    ) -> Result<(), RouteError> {
        self.route_as(name, name, handler, index, owner)
    }

    /// As [`route`](Self::route), under a name that is an alias of the method `method`.
    ///
    /// # Errors
    ///
    /// As [`route`](Self::route).
    pub fn route_as(
        &mut self,
        name: &str,
        method: &str,
        handler: &Arc<dyn Handler>,
        index: usize,
        owner: &'static str,
    ) -> Result<(), RouteError> {
        let owner = RouteOwner::new(Arc::clone(handler), owner);
        self.add(
            name,
            method,
            RouteEntry::new(&owner, index, RouteDetails::default()),
        )
    }

    /// Registers the method with this index of a service, whose own name is `method`, under `name`.
    ///
    /// # Errors
    ///
    /// As [`route`](Self::route).
    pub(crate) fn route_method(
        &mut self,
        name: &str,
        method: &str,
        owner: &Arc<RouteOwner>,
        index: usize,
        details: RouteDetails,
    ) -> Result<(), RouteError> {
        self.add(name, method, RouteEntry::new(owner, index, details))
    }

    fn add(
        &mut self,
        name: &str,
        method: &str,
        mut route: Box<RouteEntry>,
    ) -> Result<(), RouteError> {
        let method_name = || name.to_owned();
        if is_reserved(name.as_bytes()) {
            return Err(RouteError::Reserved {
                method: method_name(),
            });
        }
        if name.len() > MAX_METHOD_LEN {
            return Err(RouteError::NameTooLong {
                method: method_name(),
            });
        }
        if let Some(first) = self.routes.get(name.as_bytes()) {
            return Err(RouteError::Duplicate {
                method: method_name(),
                first: first.owner.name,
                second: route.owner.name,
            });
        }
        if method != name {
            route.set_alias_of(method.as_bytes());
        }
        route.apply(&self.layers, name.as_bytes());
        self.insert(name.as_bytes(), route);
        Ok(())
    }

    /// Sets the fingerprint of a method's signature, for peers that ask for it. Returns `false` if there is no such
    /// method.
    pub fn sign(&mut self, name: &str, fingerprint: u64) -> bool {
        let route = self.routes.get_mut(name.as_bytes());
        let found = route.map(|route| route.sign(fingerprint));
        found.is_some()
    }

    /// Returns the route of a registered name.
    pub(super) fn entry(&self, name: &[u8]) -> Option<&RouteEntry> {
        self.routes.get(name).map(|route| &**route)
    }

    /// Returns `true` if `who` may call `name`, which leads to `route`.
    pub(super) fn allows(&self, who: &Identity, name: &[u8], route: Option<&RouteEntry>) -> bool {
        let Some(access) = &self.access else {
            return true;
        };
        let method = method_name(name, route);
        // A JSON name is the method of the name without the suffix, which may be an alias.
        match strip_json_suffix(method) {
            None => access.allows(who, method),
            Some(method) => access.allows(who, method_name(method, self.entry(method))),
        }
    }

    /// Logs the methods that the caller may call: the response to a call of an unknown method has no text.
    #[cold]
    fn log_unknown(&self, request: &Request) {
        let connection = request.context().connection();
        let remote = connection.as_deref().and_then(|core| core.remote());
        log::unknown_method(request.method(), remote, || {
            let who = request.context().identity();
            let allowed = self.routes.iter();
            let allowed = allowed.filter(|(name, route)| self.allows(who, name, Some(route)));
            let mut names: Vec<_> = allowed
                .map(|(name, _)| name.escape_ascii().to_string())
                .collect();
            names.sort_unstable();
            let more = names.len().saturating_sub(MAX_LISTED);
            names.truncate(MAX_LISTED);
            match (names.is_empty(), more) {
                (true, _) => "nothing".to_owned(),
                (false, 0) => names.join(", "),
                (false, more) => format!("{} and {more} more", names.join(", ")),
            }
        });
    }

    /// Handles a call whose name is not registered.
    #[inline(never)]
    fn handle_unregistered(
        &self,
        #[cfg_attr(
            not(feature = "reflect"),
            expect(unused_mut, reason = "only JSON names change it")
        )]
        mut request: Request,
    ) -> HandlerFuture {
        if is_reserved(request.method()) {
            return self.handle_reserved(request);
        }
        if !self.allows(request.context().identity(), request.method(), None) {
            return denied();
        }
        #[cfg(feature = "reflect")]
        if let Some((route, form)) = self.json_route(request.method()) {
            request.set_route(route.index);
            return form.handle(&*route.handler, request);
        }
        // The JSON name of a method that is served here is not that of a target's method.
        let own = strip_json_suffix(request.method()).and_then(|method| self.routes.get(method));
        if own.is_some() && self.target().is_some() {
            return Box::pin(std::future::ready(Reply::UnknownMethod));
        }
        if self.fallback.is_none() {
            self.log_unknown(&request);
        }
        match self.unregistered.as_ref().or(self.fallback.as_ref()) {
            Some(handler) => handler.handle(request),
            None => Box::pin(std::future::ready(Reply::UnknownMethod)),
        }
    }

    /// Turns on the JSON names of methods, and their description by `describer`.
    #[cfg(feature = "reflect")]
    pub(crate) fn reflect_with(&mut self, describer: Describer) {
        self.describer = Some(describer);
    }

    /// Returns the description of all routes, which `describe` makes if none has been made since routes were changed.
    #[cfg(feature = "reflect")]
    pub(crate) fn description(&self, describe: impl FnOnce() -> Description) -> &Description {
        self.description.get_or_init(describe)
    }

    /// Returns the registered names and the methods to which they lead.
    #[cfg(feature = "reflect")]
    pub(crate) fn visible_routes(&self) -> impl Iterator<Item = VisibleRoute<'_>> {
        self.routes.iter().map(|(name, route)| VisibleRoute {
            name,
            is_alias: route.alias_of().is_some(),
            form: route.json.as_ref(),
        })
    }

    /// Returns whether `who` may call the registered `name`.
    #[cfg(feature = "reflect")]
    pub(crate) fn is_visible(&self, who: &Identity, name: &[u8]) -> bool {
        let route = self.entry(name);
        route.is_some() && self.allows(who, name, route)
    }

    /// Returns the route of the method whose JSON name `name` is.
    #[cfg(feature = "reflect")]
    #[cold]
    fn json_route(&self, name: &[u8]) -> Option<(&RouteEntry, &JsonForm)> {
        let method = strip_json_suffix(name).filter(|_| self.describer.is_some())?;
        let route = self.entry(method)?;
        Some((route, route.json.as_ref()?))
    }

    /// Returns `true` if there is no handler at all.
    pub fn is_empty(&self) -> bool {
        let packets = self.packets.as_ref();
        let handles_packets = packets.is_some_and(|packets| !packets.is_empty());
        self.routes.is_empty() && self.fallback.is_none() && !handles_packets
    }
}

/// How many names a log line lists at most.
const MAX_LISTED: usize = 20;

impl Handler for Router {
    /// A router answers the framework's own methods.
    fn is_proxy(&self) -> bool {
        true
    }

    fn handle(&self, mut request: Request) -> HandlerFuture {
        let Some(route) = self.routes.get(request.method()) else {
            return self.handle_unregistered(request);
        };
        if !self.allows(request.context().identity(), request.method(), Some(route)) {
            return denied();
        }
        request.set_route(route.index);
        route.handler.handle(request)
    }
}

/// Returns the method's own name, if the route is an alias.
fn method_name<'a>(name: &'a [u8], route: Option<&'a RouteEntry>) -> &'a [u8] {
    let alias_of = route.and_then(RouteEntry::alias_of);
    alias_of.unwrap_or(name)
}

/// Answers a call that the caller is not allowed to make.
fn denied() -> HandlerFuture {
    Box::pin(std::future::ready(FrameworkError::PermissionDenied.into()))
}

/// The handler of names without a handler, inside of layers.
async fn unknown_method(_: Request) -> Reply {
    Reply::UnknownMethod
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .routes
            .keys()
            .map(|name| name.escape_ascii().to_string());
        let packets = self.packets.iter().flat_map(|packets| packets.keys());
        f.debug_struct("Router")
            .field("methods", &names.collect::<Vec<_>>())
            .field("fallback", &self.fallback.is_some())
            .field("packets", &packets.collect::<Vec<_>>())
            .field("access", &self.access)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

/// The reason why a method could not be registered under its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Two services of one peer have a method of this name.
    #[error(
        "method `{method}` is claimed by {first} and by {second}: rename one, e.g. with `.named(..)`"
    )]
    Duplicate {
        /// The method name.
        method: String,
        /// The service that was registered first.
        first: &'static str,
        /// The service that was rejected.
        second: &'static str,
    },
    /// The name is longer than a packet can hold.
    #[error("method name too long: {len} bytes, at most 255: `{method}`", len = .method.len())]
    NameTooLong {
        /// The method name.
        method: String,
    },
    /// Names that begin with `chirp.` are reserved for the framework.
    #[error(
        "method name `{method}` is reserved: names that begin with `chirp.` belong to the framework"
    )]
    Reserved {
        /// The method name.
        method: String,
    },
}
