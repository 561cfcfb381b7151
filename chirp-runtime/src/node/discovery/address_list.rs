use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Discovered, Discovery};
use crate::channel::Endpoint;
use crate::node::{NodeAddress, NodeError};

type Addresses = BTreeMap<String, Vec<Endpoint>>;

/// A list of addresses that may change while nodes use it, such as one from a configuration file.
///
/// Clones share the list. Each node that is given a clone dials the nodes in it.
#[derive(Clone)]
pub struct AddressList {
    list: Arc<watch::Sender<Addresses>>,
    /// The addresses that have been reported.
    reported: Addresses,
    changes: Option<watch::Receiver<Addresses>>,
}

impl AddressList {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self {
            list: Arc::new(watch::Sender::new(Addresses::new())),
            reported: Addresses::new(),
            changes: None,
        }
    }

    /// Sets the addresses of a node, in place of those before.
    ///
    /// # Errors
    ///
    /// [`NodeError`] if an address is invalid. The list is then unchanged.
    pub fn set<A: Into<NodeAddress>>(
        &self,
        name: impl Into<String>,
        addresses: impl IntoIterator<Item = A>,
    ) -> Result<(), NodeError> {
        let addresses = addresses
            .into_iter()
            .map(|address| address.into().endpoint());
        let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
        let name = name.into();
        self.list.send_modify(|list| {
            list.insert(name, addresses);
        });
        Ok(())
    }

    /// Removes a node. Links to it stay.
    pub fn remove(&self, name: &str) {
        self.list.send_modify(|list| {
            list.remove(name);
        });
    }

    /// Returns the difference between the list and what was reported, one node at a time.
    fn change(&mut self) -> Option<Discovered> {
        let list = self.list.borrow();
        for (name, addresses) in &*list {
            if self.reported.get(name) != Some(addresses) {
                let (name, addresses) = (name.clone(), addresses.clone());
                drop(list);
                self.reported.insert(name.clone(), addresses.clone());
                return Some(Discovered::Found { name, addresses });
            }
        }
        let mut reported = self.reported.keys();
        let name = reported.find(|name| !list.contains_key(*name))?.clone();
        drop(list);
        self.reported.remove(&name);
        Some(Discovered::Lost { name })
    }
}

impl Default for AddressList {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Discovery for AddressList {
    async fn next(&mut self) -> Option<Discovered> {
        let mut changes = match self.changes.take() {
            Some(changes) => changes,
            None => self.list.subscribe(),
        };
        loop {
            changes.mark_unchanged();
            if let Some(change) = self.change() {
                self.changes = Some(changes);
                return Some(change);
            }
            // The sender lives in `self`.
            changes.changed().await.ok()?;
        }
    }
}

impl fmt::Debug for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AddressList")
            .field(&*self.list.borrow())
            .finish()
    }
}
