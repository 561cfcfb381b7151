use std::sync::Arc;

#[cfg(feature = "reflect")]
use crate::peer::server::json_form::JsonForm;
use crate::peer::server::layer_chain::{Layers, MethodNames, layered};
use crate::peer::{Handler, MethodId, ServiceOrder};

/// The handler of one name, and the facts about its method.
///
/// A program may make a router for each connection, so routes are small: what the methods of a service have in common is
/// in their [`RouteOwner`].
#[derive(Clone)]
pub(super) struct RouteEntry {
    /// The handler inside of its layers, which is ready to be called.
    pub(super) handler: Arc<dyn Handler>,
    pub(super) index: u32,
    /// The method has a signature. An `Option` of the signature would take eight more bytes.
    is_signed: bool,
    signature: u64,
    id: Option<MethodId>,
    /// The JSON form of the method, if it has one.
    #[cfg(feature = "reflect")]
    pub(super) json: Option<JsonForm>,
    pub(super) owner: Arc<RouteOwner>,
    /// The method's own name, if this route is an alias. Boxed, since few are.
    alias_of: Option<Box<Box<[u8]>>>,
}

/// The properties that the methods of a service have in common.
pub(crate) struct RouteOwner {
    /// The handler without layers.
    pub(crate) handler: Arc<dyn Handler>,
    /// The service in error messages.
    pub(crate) name: &'static str,
    /// The order of an ordered service, in which calls take their turn before they pass layers.
    pub(crate) order: Option<Arc<ServiceOrder>>,
    /// The layers of the service.
    pub(crate) layers: Layers,
}

/// The properties of a method that its service states.
#[derive(Clone, Default)]
pub(crate) struct RouteDetails {
    /// The fingerprint of its signature.
    pub(crate) signature: Option<u64>,
    pub(crate) id: Option<MethodId>,
    /// The JSON form of the method, if it has one.
    #[cfg(feature = "reflect")]
    pub(crate) json: Option<JsonForm>,
}

impl RouteOwner {
    /// Creates the owner of a handler that has neither an order nor layers of its own.
    pub(super) fn new(handler: Arc<dyn Handler>, name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            handler,
            name,
            order: None,
            layers: Layers::default(),
        })
    }
}

impl RouteEntry {
    pub(super) fn new(owner: &Arc<RouteOwner>, index: usize, details: RouteDetails) -> Box<Self> {
        Box::new(Self {
            handler: Arc::clone(&owner.handler),
            // No handler has so many methods.
            index: u32::try_from(index).unwrap_or(u32::MAX),
            is_signed: details.signature.is_some(),
            signature: details.signature.unwrap_or_default(),
            id: details.id,
            #[cfg(feature = "reflect")]
            json: details.json,
            owner: Arc::clone(owner),
            alias_of: None,
        })
    }

    /// Returns the fingerprint of the method's signature.
    pub(super) fn signature(&self) -> Option<u64> {
        self.is_signed.then_some(self.signature)
    }

    /// Sets the fingerprint of the method's signature.
    pub(super) fn sign(&mut self, fingerprint: u64) {
        self.is_signed = true;
        self.signature = fingerprint;
    }

    /// Makes this route an alias of the method `method`.
    pub(super) fn set_alias_of(&mut self, method: &[u8]) {
        self.alias_of = Some(Box::new(method.into()));
    }

    /// Returns the method's own name, if this route is an alias.
    pub(super) fn alias_of(&self) -> Option<&[u8]> {
        self.alias_of.as_deref().map(|method| &**method)
    }

    /// Puts the handler inside of the layers of its service and of the router.
    pub(super) fn apply(&mut self, outer: &Layers, name: &[u8]) {
        let name = self.alias_of().unwrap_or(name);
        let RouteOwner {
            handler,
            order,
            layers,
            ..
        } = &*self.owner;
        self.handler = layered(
            [outer, layers],
            handler,
            || MethodNames::new(name, self.id),
            order.as_ref(),
        );
    }
}
