use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::dynamic::JsonCaller;
use chirp_runtime::packet::JSON_SUFFIX;
use chirp_runtime::peer::{CallError, Caller, MethodName};
use chirp_runtime::reflect::{Description, MethodDescription};
use http::StatusCode;
use tokio::time::Instant;

use super::calling::offered;
use super::media_type::MediaType;
use super::problem::Problem;

/// The age at which a description is read again: the target may have been replaced by a newer version.
const MAX_AGE: Duration = Duration::from_secs(30);

/// The age below which a description is not read again for a name that is not in it.
const MIN_AGE: Duration = Duration::from_secs(1);

/// The time for reading a description.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// A peer whose methods the gateway offers.
pub(crate) struct Target {
    caller: Caller,
    /// Whether the methods are served in this process and never change.
    is_fixed: bool,
    interface: Mutex<Option<Arc<Interface>>>,
    /// Held while the description is read, so that it is read once at a time.
    reading: tokio::sync::Mutex<()>,
}

/// The methods of a target.
pub(super) struct Interface {
    pub(super) description: Description,
    /// The places of methods in the description, by their names and aliases.
    methods: HashMap<String, MethodPlace>,
    read_at: Instant,
}

struct MethodPlace {
    service: usize,
    method: usize,
    json_name: MethodName,
    offered: &'static [MediaType],
}

/// The result of looking for a method in what is known of a target.
enum Lookup {
    Found(TargetMethod),
    /// The target has no such method.
    Missing,
    /// The description must be read first.
    Outdated,
}

/// A method of a target.
#[derive(Clone)]
pub(crate) struct TargetMethod {
    pub(super) caller: Caller,
    /// The name by which the method is called with values in JSON.
    pub(super) json_name: MethodName,
    /// The types in which responses can be. The first is the default.
    pub(super) offered: &'static [MediaType],
    interface: Arc<Interface>,
    place: (usize, usize),
}

impl TargetMethod {
    pub(crate) fn description(&self) -> &MethodDescription {
        let (service, method) = self.place;
        &self.interface.description.services[service].methods[method]
    }
}

#[cfg(feature = "requests")]
impl TargetMethod {
    /// Returns the name of the codec of native calls.
    pub(crate) fn codec(&self) -> &str {
        let (service, _) = self.place;
        &self.interface.description.services[service].codec
    }
}

impl Interface {
    fn new(description: Description) -> Self {
        let mut methods = HashMap::new();
        for (service, described) in description.services.iter().enumerate() {
            for (method, described) in described.methods.iter().enumerate() {
                let offered = offered(described);
                let names = std::iter::once(&described.name).chain(&described.aliases);
                for name in names {
                    let json_name = Bytes::from(format!("{name}{JSON_SUFFIX}"));
                    methods.entry(name.clone()).or_insert_with(|| MethodPlace {
                        service,
                        method,
                        json_name: json_name.into(),
                        offered,
                    });
                }
            }
        }
        Self {
            description,
            methods,
            read_at: Instant::now(),
        }
    }
}

/// Finds a method in what is known of targets.
pub(super) fn lookup(targets: &[Target], name: &str) -> Option<TargetMethod> {
    for target in targets {
        match target.lookup(name) {
            Lookup::Found(method) => return Some(method),
            Lookup::Missing => {}
            Lookup::Outdated => return None,
        }
    }
    None
}

/// Finds a method among targets.
pub(super) async fn find(targets: &[Target], name: &str) -> Result<TargetMethod, Problem> {
    let mut failed = None;
    for target in targets {
        match target.find(name).await {
            Ok(Some(method)) => return Ok(method),
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.map_or_else(unknown_method, |error| Problem::of_description(&error)))
}

pub(super) fn unknown_method() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown method")
}

impl Target {
    pub(crate) fn new(caller: Caller, is_fixed: bool) -> Self {
        Self {
            caller,
            is_fixed,
            interface: Mutex::new(None),
            reading: tokio::sync::Mutex::new(()),
        }
    }

    /// Looks for the method of this name without reading the description.
    fn lookup(&self, name: &str) -> Lookup {
        let Some(interface) = self.known() else {
            return Lookup::Outdated;
        };
        let age = || interface.read_at.elapsed();
        match self.method(&interface, name) {
            Some(method) if self.is_fixed || age() < MAX_AGE => Lookup::Found(method),
            None if self.is_fixed => Lookup::Missing,
            _ => Lookup::Outdated,
        }
    }

    /// Returns the method of this name.
    ///
    /// # Errors
    ///
    /// The error of reading the description.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<TargetMethod>, CallError> {
        let interface = self.interface().await?;
        if let Some(found) = self.method(&interface, name) {
            return Ok(Some(found));
        }
        let interface = self.newer_than(&interface, MIN_AGE).await?;
        Ok(self.method(&interface, name))
    }

    fn method(&self, interface: &Arc<Interface>, name: &str) -> Option<TargetMethod> {
        let place = interface.methods.get(name)?;
        Some(TargetMethod {
            caller: self.caller.clone(),
            json_name: place.json_name.clone(),
            offered: place.offered,
            interface: Arc::clone(interface),
            place: (place.service, place.method),
        })
    }

    /// Returns the methods of the target.
    ///
    /// # Errors
    ///
    /// The error of reading the description.
    pub(super) async fn interface(&self) -> Result<Arc<Interface>, CallError> {
        match self.known() {
            None => self.read(None).await,
            Some(known) => self.newer_than(&known, MAX_AGE).await,
        }
    }

    /// Reads the description again if `known` is older than `age`. Returns `known` if that fails.
    async fn newer_than(
        &self,
        known: &Arc<Interface>,
        age: Duration,
    ) -> Result<Arc<Interface>, CallError> {
        if self.is_fixed || known.read_at.elapsed() < age {
            return Ok(Arc::clone(known));
        }
        let newer = self.read(Some(known)).await;
        Ok(newer.unwrap_or_else(|_| Arc::clone(known)))
    }

    /// Reads the description, unless another call has replaced `old` in the meantime.
    async fn read(&self, old: Option<&Arc<Interface>>) -> Result<Arc<Interface>, CallError> {
        let _reading = self.reading.lock().await;
        if let Some(known) = self.known()
            && old.is_none_or(|old| !Arc::ptr_eq(old, &known))
        {
            return Ok(known);
        }
        let described = JsonCaller::new(&self.caller).describe();
        let described = described.timeout(DESCRIBE_TIMEOUT).await?;
        let interface = Arc::new(Interface::new(described));
        *self.lock() = Some(Arc::clone(&interface));
        Ok(interface)
    }

    fn known(&self) -> Option<Arc<Interface>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Interface>>> {
        self.interface
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
