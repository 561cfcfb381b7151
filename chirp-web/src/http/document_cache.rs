use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chirp_runtime::reflect::Description;
use http::header::HeaderValue;
use serde::Serialize;

use super::entity_tag;
use super::open_api::{self, RequestForms};
use super::target::Interface;

/// The documents that are kept. Callers differ in what they may call, mostly in a few ways.
const MAX_VIEWS: usize = 16;

/// The documents of one format that describe a gateway, which are written once for each version of the interfaces of the targets
/// and each set of methods that a caller may call.
pub(super) struct DocumentCache {
    write: fn(&Description, RequestForms) -> String,
    merged: Mutex<Option<Arc<MergedInterfaces>>>,
}

/// A document that describes methods.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) json: Bytes,
    pub(super) tag: HeaderValue,
}

/// The interfaces of all targets that can be described.
struct MergedInterfaces {
    interfaces: Vec<Arc<Interface>>,
    description: Description,
    views: Mutex<Vec<View>>,
}

/// The document of callers who may call these of the names.
struct View {
    is_visible: Vec<bool>,
    document: Document,
}

impl DocumentCache {
    /// Creates a cache of `OpenAPI` documents.
    pub(super) fn open_api() -> Self {
        Self::new(|description, forms| write(&open_api::document(description, forms)))
    }

    /// Creates a cache of descriptions, which other gateways and clients of Chirp read.
    pub(super) fn descriptions() -> Self {
        Self::new(|description, _| write(description))
    }

    fn new(write: fn(&Description, RequestForms) -> String) -> Self {
        Self {
            write,
            merged: Mutex::default(),
        }
    }

    /// Returns the document of a caller who may call the names for which `is_visible` returns `true`.
    pub(super) fn document(
        &self,
        interfaces: Vec<Arc<Interface>>,
        forms: RequestForms,
        is_visible: impl Fn(&str) -> bool,
    ) -> Document {
        let merged = self.merge(interfaces);
        let view: Vec<_> = names(&merged.description).map(&is_visible).collect();
        let known = lock(&merged.views)
            .iter()
            .find(|known| known.is_visible == view)
            .map(|known| known.document.clone());
        if let Some(document) = known {
            return document;
        }
        let mut description = merged.description.clone();
        description.retain(is_visible);
        let json = Bytes::from((self.write)(&description, forms));
        let tag = entity_tag::of(&json);
        let document = Document { json, tag };
        let mut views = lock(&merged.views);
        if views.len() >= MAX_VIEWS {
            views.remove(0);
        }
        views.push(View {
            is_visible: view,
            document: document.clone(),
        });
        document
    }

    fn merge(&self, interfaces: Vec<Arc<Interface>>) -> Arc<MergedInterfaces> {
        let known = lock(&self.merged).clone();
        if let Some(known) = known
            && known.interfaces.len() == interfaces.len()
            && known
                .interfaces
                .iter()
                .zip(&interfaces)
                .all(|(known, now)| Arc::ptr_eq(known, now))
        {
            return known;
        }
        let mut description = Description::default();
        description.version = Description::VERSION;
        for interface in &interfaces {
            description.merge(interface.description.clone());
        }
        let merged = Arc::new(MergedInterfaces {
            interfaces,
            description,
            views: Mutex::default(),
        });
        *lock(&self.merged) = Some(Arc::clone(&merged));
        merged
    }
}

/// Descriptions can always be written as JSON.
fn write(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

/// Iterates over all names in a description.
fn names(description: &Description) -> impl Iterator<Item = &str> {
    let services = description.services.iter();
    let methods = services.flat_map(|service| &service.methods);
    let names = methods.flat_map(|method| std::iter::once(&method.name).chain(&method.aliases));
    names.chain(&description.others).map(String::as_str)
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
