use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;

use async_trait::async_trait;
use mdns_sd::{
    IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo,
};

use super::{Announcement, Discovered, Discovery};
use crate::channel::Endpoint;

/// The type of the service, in terms of DNS-SD.
const SERVICE: &str = "_chirp-node._tcp.local.";

/// Keys of the TXT record.
const NAME: &str = "name";
const NETWORK: &str = "network";
const TLS: &str = "tls";

/// The longest name: a text of a TXT record has 255 bytes, its key included.
const MAX_NAME: usize = 255 - "network=".len();

/// Instances that are remembered. More are ignored.
const MAX_INSTANCES: usize = 4096;

/// Discovery on the local network, by DNS service discovery over multicast DNS (RFC 6762, RFC 6763). Needs the feature
/// `mdns`.
///
/// Announces the `tcp://` and `tls://` addresses that a node listens on at its start, and finds those of nodes of the same
/// network. Everybody on the local network can announce any name: use keys or certificates, unless everybody may join.
///
/// A thread of its own runs the protocol. An announcement takes about a second. Names of nodes and networks of more than 247
/// bytes are not announced.
pub struct Mdns {
    daemon: ServiceDaemon,
    events: Option<Receiver<ServiceEvent>>,
    network: String,
    instances: HashMap<String, Instance>,
    registered: Vec<String>,
    /// Nodes whose instances have changed since they were reported.
    changed: Vec<String>,
}

/// One address of a node.
struct Instance {
    name: String,
    endpoints: Vec<Endpoint>,
}

impl Mdns {
    /// Starts on all network interfaces.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn new() -> io::Result<Self> {
        let daemon = ServiceDaemon::new().map_err(io::Error::other)?;
        Ok(Self {
            daemon,
            events: None,
            network: String::new(),
            instances: HashMap::new(),
            registered: Vec::new(),
            changed: Vec::new(),
        })
    }

    /// Starts on the loopback interface alone: for nodes on one machine.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn loopback() -> io::Result<Self> {
        let mdns = Self::new()?;
        let daemon = &mdns.daemon;
        daemon
            .disable_interface(IfKind::All)
            .map_err(io::Error::other)?;
        daemon
            .enable_interface(IfKind::LoopbackV4)
            .map_err(io::Error::other)?;
        Ok(mdns)
    }

    fn announce(&mut self, node: &Announcement, address: &Endpoint) -> Result<(), mdns_sd::Error> {
        let (host, port, is_tls) = match address {
            Endpoint::Tcp { host, port } => (host, port, "0"),
            Endpoint::Tls { host, port } => (host, port, "1"),
            _ => return Ok(()),
        };
        let Ok(port) = port.parse::<u16>() else {
            return Ok(());
        };
        // A label has 63 bytes: the name is in the TXT record.
        let instance = format!("{:016x}", RandomState::new().hash_one(&node.name));
        let hostname = format!("{instance}.local.");
        let properties = [
            (NAME, node.name.as_str()),
            (NETWORK, &node.network),
            (TLS, is_tls),
        ];
        let specific = host
            .parse::<IpAddr>()
            .ok()
            .filter(|ip| !ip.is_unspecified());
        let info = match specific {
            Some(ip) => ServiceInfo::new(SERVICE, &instance, &hostname, ip, port, &properties[..])?,
            None => ServiceInfo::new(SERVICE, &instance, &hostname, "", port, &properties[..])?
                .enable_addr_auto(),
        };
        let fullname = info.get_fullname().to_owned();
        self.daemon.register(info)?;
        self.registered.push(fullname);
        Ok(())
    }

    /// Notes the names of the nodes that an event is about.
    fn note(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => self.resolved(&service),
            ServiceEvent::ServiceRemoved(_, fullname) => {
                let removed = self.instances.remove(&fullname);
                self.changed.extend(removed.map(|instance| instance.name));
            }
            _ => {}
        }
    }

    /// Returns the addresses of a node whose instances have changed.
    fn report(&self, name: String) -> Discovered {
        let instances = self
            .instances
            .values()
            .filter(|instance| instance.name == name);
        let mut addresses = BTreeMap::new();
        for endpoint in instances.flat_map(|instance| &instance.endpoints) {
            addresses.insert(endpoint.to_string(), endpoint.clone());
        }
        if addresses.is_empty() {
            return Discovered::Lost { name };
        }
        let addresses = addresses.into_values().collect();
        Discovered::Found { name, addresses }
    }

    /// Remembers an instance of the network.
    fn resolved(&mut self, service: &ResolvedService) {
        let fullname = &service.fullname;
        if self.registered.contains(fullname)
            || service.get_property_val_str(NETWORK) != Some(&self.network)
            || !self.instances.contains_key(fullname) && self.instances.len() >= MAX_INSTANCES
        {
            return;
        }
        let Some(name) = service.get_property_val_str(NAME) else {
            return;
        };
        let is_tls = service.get_property_val_str(TLS) == Some("1");
        let port = service.port.to_string();
        let endpoints = service.addresses.iter().filter_map(|address| {
            let (host, port) = (host(address)?, port.clone());
            Some(if is_tls {
                Endpoint::Tls { host, port }
            } else {
                Endpoint::Tcp { host, port }
            })
        });
        let instance = Instance {
            name: name.to_owned(),
            endpoints: endpoints.collect(),
        };
        self.changed.push(name.to_owned());
        let before = self.instances.insert(fullname.clone(), instance);
        // An instance may change its name.
        let renamed = before.filter(|before| before.name != name);
        self.changed.extend(renamed.map(|before| before.name));
    }
}

/// Returns the host part of an endpoint.
fn host(address: &ScopedIp) -> Option<String> {
    match address {
        ScopedIp::V4(ip) => Some(ip.addr().to_string()),
        // A link-local address means nothing without its zone.
        ScopedIp::V6(ip) if ip.addr().is_unicast_link_local() => None,
        ScopedIp::V6(ip) => Some(ip.addr().to_string()),
        _ => None,
    }
}

#[async_trait]
impl Discovery for Mdns {
    fn begin(&mut self, node: &Announcement) {
        self.network.clone_from(&node.network);
        let begun = self
            .daemon
            .browse(SERVICE)
            .map(|events| self.events = Some(events));
        let mut result = begun;
        if node.name.len() <= MAX_NAME && node.network.len() <= MAX_NAME {
            for address in &node.addresses {
                let announced = self.announce(node, address);
                result = result.and(announced);
            }
        }
        #[cfg(feature = "tracing")]
        if let Err(error) = &result {
            tracing::warn!("multicast DNS: {error}");
        }
        #[cfg(not(feature = "tracing"))]
        drop(result);
    }

    async fn next(&mut self) -> Option<Discovered> {
        loop {
            if let Some(name) = self.changed.pop() {
                return Some(self.report(name));
            }
            let event = self.events.as_ref()?.recv_async().await.ok()?;
            self.note(event);
        }
    }
}

impl Drop for Mdns {
    fn drop(&mut self) {
        // Says goodbye to the network and ends the thread.
        for fullname in &self.registered {
            let _ = self.daemon.unregister(fullname);
        }
        let _ = self.daemon.shutdown();
    }
}

impl fmt::Debug for Mdns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mdns")
            .field("network", &self.network)
            .field("registered", &self.registered)
            .finish_non_exhaustive()
    }
}
