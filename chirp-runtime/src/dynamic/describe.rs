use std::collections::BTreeMap;
use std::sync::Arc;

use crate::packet::FrameworkError;
use crate::peer::{PeerBuilder, ReflectedService, Reply, Request, Router};
use crate::reflect::{Description, MethodDescription, ServiceDescription, ShapeTables};

impl PeerBuilder {
    /// Turns on the JSON names and the description of methods: see [`Router::reflect`]. Off by default.
    #[must_use]
    pub fn reflect(self) -> Self {
        self.routes(|router| {
            router.reflect();
            Ok(())
        })
    }
}

impl Router {
    /// Turns on the JSON names and the description of methods.
    ///
    /// `Arith.sum;json` is the method `Arith.sum` with its arguments and its result in JSON. Only methods of services have
    /// JSON names. They have the access rules, layers and order of the methods, which keep their `deadline`, too.
    ///
    /// A peer that asks for a description (`chirp.reflect.describe`) sees the methods that it may call.
    pub fn reflect(&mut self) -> &mut Self {
        self.reflect_with(answer);
        self
    }
}

/// Answers `chirp.reflect.describe`.
fn answer(router: &Router, request: &Request) -> Reply {
    let Ok(name) = str::from_utf8(request.params()) else {
        let error = FrameworkError::InvalidArguments;
        return error
            .to_error_data("the name of a service or a method is UTF-8")
            .into();
    };
    let mut description = visible(router, request);
    if !name.is_empty() {
        select(&mut description, name);
    }
    description.types = description.used_types(&description_of(router).types);
    match serde_json::to_vec(&description) {
        Ok(json) => Reply::Value(json.into()),
        Err(error) => FrameworkError::InvalidResult
            .to_error_data(&error.to_string())
            .into(),
    }
}

fn description_of(router: &Router) -> &Description {
    router.description(|| describe(router))
}

/// Describes all routes.
fn describe(router: &Router) -> Description {
    struct Found {
        service: Arc<dyn ReflectedService>,
        /// The names of each method by its index, the own name first.
        methods: BTreeMap<usize, Vec<(bool, String)>>,
    }
    let mut found: BTreeMap<*const (), Found> = BTreeMap::new();
    let mut description = Description {
        version: Description::VERSION,
        ..Description::default()
    };
    for route in router.visible_routes() {
        let name = name_of(route.name);
        let Some(form) = route.form else {
            description.others.push(name);
            continue;
        };
        let key = Arc::as_ptr(&form.service).cast::<()>();
        let found = found.entry(key).or_insert_with(|| Found {
            service: Arc::clone(&form.service),
            methods: BTreeMap::new(),
        });
        let names = found.methods.entry(form.index).or_default();
        names.push((route.is_alias, name));
    }
    let mut tables = ShapeTables::new();
    let services = found.into_values().map(|Found { service, methods }| {
        let mut description = service.describe();
        let methods = methods.into_iter().map(|(index, mut names)| {
            names.sort_unstable();
            let mut names = names.into_iter().map(|(_, name)| name);
            let mut method = service.describe_method(index, &mut tables);
            method.name = names.next().unwrap_or_default();
            method.aliases = names.collect();
            method
        });
        description.methods = methods.collect();
        description
    });
    description.services = services.collect();
    description.sort();
    description.types = tables.definitions();
    description
}

/// A name as text. Bytes that are not UTF-8 are escaped.
fn name_of(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => name.escape_ascii().to_string(),
    }
}

/// Describes what the caller may call, without definitions of types.
fn visible(router: &Router, request: &Request) -> Description {
    let who = request.context().identity();
    let is_visible = |name: &str| router.is_visible(who, name.as_bytes());
    let all = description_of(router);
    let mut description = Description {
        version: all.version,
        ..Description::default()
    };
    let others = all.others.iter().filter(|name| is_visible(name));
    description.others = others.cloned().collect();
    for service in &all.services {
        let methods = service.methods.iter();
        let methods: Vec<_> = methods
            .filter(|method| is_visible(&method.name))
            .cloned()
            .collect();
        if !methods.is_empty() {
            description.services.push(ServiceDescription {
                methods,
                ..service.clone()
            });
        }
    }
    description
}

/// Keeps the service or the method of a name.
fn select(description: &mut Description, name: &str) {
    let has_name = |method: &MethodDescription| {
        method.name == name || method.aliases.iter().any(|alias| alias == name)
    };
    for service in &mut description.services {
        if service.name != name {
            service.methods.retain(has_name);
        }
    }
    description
        .services
        .retain(|service| !service.methods.is_empty());
    description.others.retain(|other| other == name);
}
