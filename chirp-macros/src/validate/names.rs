use syn::ext::IdentExt;

use crate::ast::{ServiceMethod, ServiceTrait};
use crate::mistakes::Mistakes;

/// Methods of a generated client, and methods that every type has: `.into()` would resolve to those.
const CLIENTS_OWN: [&str; 16] = [
    "new",
    "unbound",
    "local",
    "local_from_arc",
    "local_with",
    "named",
    "prefixed",
    "with_metadata",
    "with_retry",
    "with_timeout",
    "check_compatibility",
    "with_json",
    "with_layer",
    "clone",
    "into",
    "try_into",
];

/// The longest method name on the wire, in bytes.
const MAX_LEN: usize = 255;

/// The suffix of names for calls in JSON.
const JSON_SUFFIX: &str = ";json";

/// The prefix of reserved names.
const RESERVED: &str = "chirp.";

pub(super) fn check(service: &ServiceTrait, mistakes: &mut Mistakes) {
    if let Some(name) = &service.options.name
        && reserved(service)
    {
        mistakes.at(
            name,
            "names that begin with `chirp.` are reserved: choose another name",
        );
    }
    for method in &service.methods {
        check_one(service, method, mistakes);
    }
    for (at, second) in service.methods.iter().enumerate() {
        check_others(&service.methods[..at], second, mistakes);
        check_aliases(second, mistakes);
    }
}

fn check_one(service: &ServiceTrait, method: &ServiceMethod, mistakes: &mut Mistakes) {
    let ident = method.ident();
    if CLIENTS_OWN.contains(&ident.unraw().to_string().as_str()) {
        mistakes.at(
            ident,
            format!(
                "the generated client already has a method `{ident}`: rename this one, for example to `{ident}_it`, and keep \
                 its name on the wire with `#[chirp(name = \"{ident}\")]`"
            ),
        );
    }
    let names = method.options.name.iter().chain(&method.options.aliases);
    for written in names.clone() {
        if written.value().is_empty() {
            mistakes.at(written, "a method name must not be empty");
        }
    }
    for (index, name) in method.names.iter().enumerate() {
        let message = if name.len() > MAX_LEN {
            format!(
                "method name too long: at most {MAX_LEN} bytes on the wire, this one has {}",
                name.len()
            )
        } else if name.starts_with(RESERVED) && !reserved(service) {
            "names that begin with `chirp.` are reserved: choose another name".to_owned()
        } else if name.ends_with(JSON_SUFFIX) {
            "names that end with `;json` stand for calls in JSON: choose another name".to_owned()
        } else {
            continue;
        };
        at_name(method, index, message, mistakes);
    }
}

/// Returns `true` if the service's name makes all its method names reserved.
fn reserved(service: &ServiceTrait) -> bool {
    format!("{}.", service.name()).starts_with(RESERVED)
}

/// Reports a mistake in the `index`-th name of a method: at the option that sets it, or at the identifier.
fn at_name(method: &ServiceMethod, index: usize, message: String, mistakes: &mut Mistakes) {
    let written = match &method.options.name {
        Some(name) if index == 0 => Some(name),
        None if index == 0 => None,
        _ => method.options.aliases.get(index - 1),
    };
    match written {
        Some(written) => mistakes.at(written, message),
        None => mistakes.at(method.ident(), message),
    }
}

/// Reports a conflict with an earlier method, once per method. Methods under `#[cfg]` are checked in the generated code:
/// see `expand::method_ids`.
fn check_others(before: &[ServiceMethod], second: &ServiceMethod, mistakes: &mut Mistakes) {
    for first in before.iter().filter(|first| !conditional(first, second)) {
        if first.ident() == second.ident() {
            let message = "duplicate method name: choose another";
            return mistakes.at(second.ident(), message);
        }
        if let Some(message) = clash(first, second) {
            let same = |name| first.names.contains(name);
            let index = second.names.iter().position(same).unwrap_or_default();
            return at_name(second, index, message, mistakes);
        }
    }
}

/// Returns `true` if either of two methods is conditional.
pub(crate) fn conditional(first: &ServiceMethod, second: &ServiceMethod) -> bool {
    !first.cfgs().is_empty() || !second.cfgs().is_empty()
}

/// The conflict between two methods, if any.
pub(crate) fn clash(first: &ServiceMethod, second: &ServiceMethod) -> Option<String> {
    let (one, other) = (first.ident(), second.ident());
    if let Some(name) = second.names.iter().find(|name| first.names.contains(name)) {
        return Some(format!(
            "duplicate name on the wire: `{one}` and `{other}` are both named `{name}`; choose another with `#[chirp(name = \"..\")]`"
        ));
    }
    (first.constant() == second.constant()).then(|| {
        format!(
            "`{one}` and `{other}` would both generate the constant `{}`: rename one of them",
            second.constant()
        )
    })
}

fn check_aliases(method: &ServiceMethod, mistakes: &mut Mistakes) {
    for (index, alias) in method.options.aliases.iter().enumerate() {
        if method.names[..=index].contains(&method.names[index + 1]) {
            mistakes.at(
                alias,
                format!("duplicate name: `{}` already has it", method.ident()),
            );
        }
    }
}
