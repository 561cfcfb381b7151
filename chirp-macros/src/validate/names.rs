use syn::ext::IdentExt;

use crate::ast::{Method, Service};
use crate::mistakes::Mistakes;

/// What a generated client is called by itself, and what every type has: a call by `.into()` would find that
/// first.
const CLIENTS_OWN: [&str; 8] = [
    "new",
    "local",
    "named",
    "prefixed",
    "compare_contract",
    "clone",
    "into",
    "try_into",
];

/// The most bytes a method's name may have on the wire.
const MAX_LEN: usize = 255;

/// What begins the names of the framework's own methods.
const RESERVED: &str = "chirp.";

pub(super) fn check(service: &Service, mistakes: &mut Mistakes) {
    if let Some(name) = &service.options.name
        && reserved(service)
    {
        mistakes.at(
            name,
            "names that begin `chirp.` belong to the framework: choose another name",
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

fn check_one(service: &Service, method: &Method, mistakes: &mut Mistakes) {
    let ident = method.ident();
    if CLIENTS_OWN.contains(&ident.unraw().to_string().as_str()) {
        mistakes.at(
            ident,
            format!(
                "the client has a `{ident}` of its own: rename the method, e.g. to `{ident}_it`, and keep its \
                 name on the wire with `#[chirp(name = \"{ident}\")]`"
            ),
        );
    }
    let names = method.options.name.iter().chain(&method.options.aliases);
    for written in names.clone() {
        if written.value().is_empty() {
            mistakes.at(written, "a method's name is not empty");
        }
    }
    for (index, name) in method.names.iter().enumerate() {
        let message = if name.len() > MAX_LEN {
            format!(
                "a method's name is at most {MAX_LEN} bytes on the wire; this one has {}",
                name.len()
            )
        } else if name.starts_with(RESERVED) && !reserved(service) {
            "names that begin `chirp.` belong to the framework: choose another name".to_owned()
        } else {
            continue;
        };
        at_name(method, index, message, mistakes);
    }
}

/// Whether the service's own part makes all names the framework's.
fn reserved(service: &Service) -> bool {
    format!("{}.", service.name()).starts_with(RESERVED)
}

/// Reports what is wrong with one of a method's names. Its own is written, or is its identifier; then come the
/// aliases.
fn at_name(method: &Method, index: usize, message: String, mistakes: &mut Mistakes) {
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

/// A method among those before it: one mistake, however many it clashes with. Under `#[cfg]` both of two may be
/// legal, so that only what is generated can tell: see `expand::method_ids`.
fn check_others(before: &[Method], second: &Method, mistakes: &mut Mistakes) {
    for first in before.iter().filter(|first| !conditional(first, second)) {
        if first.ident() == second.ident() {
            let message = "a method of this name is there already: choose another name";
            return mistakes.at(second.ident(), message);
        }
        if let Some(message) = clash(first, second) {
            let same = |name| first.names.contains(name);
            let index = second.names.iter().position(same).unwrap_or_default();
            return at_name(second, index, message, mistakes);
        }
    }
}

/// Whether two methods need not exist at once.
pub(crate) fn conditional(first: &Method, second: &Method) -> bool {
    !first.cfgs().is_empty() || !second.cfgs().is_empty()
}

/// Why two methods cannot be in one service.
pub(crate) fn clash(first: &Method, second: &Method) -> Option<String> {
    let (one, other) = (first.ident(), second.ident());
    if let Some(name) = second.names.iter().find(|name| first.names.contains(name)) {
        return Some(format!(
            "`{other}` answers to `{name}`, and so does `{one}`: choose another name with `#[chirp(name = \"..\")]`"
        ));
    }
    (first.constant() == second.constant()).then(|| {
        format!(
            "`{one}` and `{other}` have one constant, `{}`: rename one of them",
            second.constant()
        )
    })
}

fn check_aliases(method: &Method, mistakes: &mut Mistakes) {
    for (index, alias) in method.options.aliases.iter().enumerate() {
        if method.names[..=index].contains(&method.names[index + 1]) {
            mistakes.at(
                alias,
                format!("`{}` answers to this name already", method.ident()),
            );
        }
    }
}
