use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::packet::JSON_SUFFIX;
use chirp_runtime::peer::MethodName;
use chirp_runtime::reflect::{Description, MethodDescription};

use crate::subject::{Subjects, listed};

/// The service of names that belong to none.
const UNNAMED: &str = "chirp";

/// The endpoints of a server, and the services of the listing that they belong to.
pub(super) struct Endpoints {
    pub(super) list: Vec<Endpoint>,
    pub(super) services: Vec<ListedService>,
}

/// A service as listings show it.
pub(super) struct ListedService {
    pub(super) name: String,
    pub(super) documentation: String,
    /// The indexes of its endpoints.
    pub(super) endpoints: Vec<usize>,
}

/// A name of a method, its subjects, and the numbers of its calls.
pub(super) struct Endpoint {
    /// The name in listings.
    pub(super) name: String,
    pub(super) subject: String,
    pub(super) everyone: String,
    /// The subject of durable calls, if the method is one-way.
    pub(super) durable: Option<String>,
    pub(super) native: MethodName,
    pub(super) json: MethodName,
    pub(super) metadata: BTreeMap<&'static str, String>,
    pub(super) numbers: EndpointNumbers,
}

/// The numbers of the calls of an endpoint since the server was started.
#[derive(Default)]
pub(super) struct EndpointNumbers {
    requests: AtomicU64,
    errors: AtomicU64,
    nanoseconds: AtomicU64,
    last_error: Mutex<String>,
}

impl Endpoints {
    pub(super) fn new(description: &Description, subjects: &Subjects) -> Self {
        let mut endpoints = Self {
            list: Vec::new(),
            services: Vec::new(),
        };
        for service in &description.services {
            let name = if service.name.is_empty() {
                UNNAMED
            } else {
                &service.name
            };
            let at = endpoints.service(name, &service.documentation);
            for method in &service.methods {
                for name in std::iter::once(&method.name).chain(&method.aliases) {
                    endpoints.add(at, name, Some((method, &service.codec)), subjects);
                }
            }
        }
        if !description.others.is_empty() {
            let at = endpoints.service(UNNAMED, "");
            for name in &description.others {
                endpoints.add(at, name, None, subjects);
            }
        }
        endpoints
    }

    /// Returns the index of a service.
    fn service(&mut self, name: &str, documentation: &str) -> usize {
        let name = listed(name);
        let known = self
            .services
            .iter()
            .position(|service| service.name == name);
        known.unwrap_or_else(|| {
            self.services.push(ListedService {
                name,
                documentation: documentation.to_owned(),
                endpoints: Vec::new(),
            });
            self.services.len() - 1
        })
    }

    fn add(
        &mut self,
        service: usize,
        name: &str,
        method: Option<(&MethodDescription, &String)>,
        subjects: &Subjects,
    ) {
        self.services[service].endpoints.push(self.list.len());
        let mut metadata = BTreeMap::from([("chirp.method", name.to_owned())]);
        if let Some((method, codec)) = method {
            metadata.insert("chirp.codec", codec.clone());
            let entries = [
                (
                    "documentation",
                    Some(method.documentation.clone()).filter(|text| !text.is_empty()),
                ),
                ("chirp.fingerprint", method.fingerprint.clone()),
                ("chirp.one_way", method.one_way.then(|| "true".to_owned())),
                (
                    "chirp.idempotent",
                    method.idempotent.then(|| "true".to_owned()),
                ),
                ("deprecated", method.deprecated.clone()),
            ];
            let entries = entries.into_iter();
            metadata.extend(entries.filter_map(|(key, value)| Some((key, value?))));
        }
        self.list.push(Endpoint {
            name: listed(name),
            subject: subjects.method(name.as_bytes()),
            everyone: subjects.everyone(name.as_bytes()),
            durable: method
                .filter(|(method, _)| method.one_way)
                .map(|_| subjects.durable(name.as_bytes())),
            native: Bytes::copy_from_slice(name.as_bytes()).into(),
            json: format!("{name}{JSON_SUFFIX}").into(),
            metadata,
            numbers: EndpointNumbers::default(),
        });
    }
}

impl EndpointNumbers {
    /// Counts a call that has ended.
    pub(super) fn count(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Counts an error.
    pub(super) fn count_error(&self, text: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        text.clone_into(&mut last);
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(super) fn nanoseconds(&self) -> u64 {
        self.nanoseconds.load(Ordering::Relaxed)
    }

    pub(super) fn last_error(&self) -> String {
        let last = self.last_error.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
