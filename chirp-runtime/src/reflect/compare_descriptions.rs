use std::collections::{HashMap, HashSet};

use super::compare::{Effort, compare_in, root};
use super::interface_difference::{Impact, InterfaceChange, InterfaceDifference};
use super::member::{Member, Pair, moved, pairs};
use super::reading::Reading;
use super::{
    ArgumentDescription, Breaks, Change, Description, ErrorDescription, ErrorField,
    MethodDescription, ServiceDescription, TypeDefinitions, ValueDescription,
};

/// The maximum number of differences that are returned. The last one says that the rest was not compared.
const MAX_DIFFERENCES: usize = 10_000;

/// Compares two versions of an interface, and returns the differences by path, each with the clients whose calls it breaks.
///
/// Methods are compared by the names by which they are called. Documentation, deadlines and the names of types are not
/// compared. What shapes do not show, such as the parts of a value that is `any`, is not seen.
///
/// ```
/// # mod chirp { pub use chirp_runtime::reflect; }
/// use chirp::reflect::{Description, compare_descriptions};
///
/// # fn example(saved: &Description, served: &Description) {
/// for difference in compare_descriptions(saved, served) {
///     if difference.breaks_old_clients() {
///         eprintln!("{difference}");
///     }
/// }
/// # }
/// ```
pub fn compare_descriptions(old: &Description, new: &Description) -> Vec<InterfaceDifference> {
    let mut comparison = Comparison {
        old_types: &old.types,
        new_types: &new.types,
        differences: Vec::new(),
        effort: Effort::default(),
    };
    comparison.descriptions(old, new);
    let differences = &mut comparison.differences;
    if differences.len() > MAX_DIFFERENCES {
        differences.truncate(MAX_DIFFERENCES - 1);
        differences.push(InterfaceDifference {
            path: "(all)".to_owned(),
            change: InterfaceChange::NotCompared,
            native: Impact::BOTH,
            json: Impact::BOTH,
        });
    }
    comparison.differences
}

/// A method with its service.
struct Served<'a> {
    service: &'a ServiceDescription,
    method: &'a MethodDescription,
}

impl Member for Served<'_> {
    fn name(&self) -> &str {
        &self.method.name
    }

    fn aliases(&self) -> &[String] {
        &self.method.aliases
    }

    fn has_same_content(&self, _: &Self) -> bool {
        false
    }
}

impl Member for ArgumentDescription {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn has_same_content(&self, other: &Self) -> bool {
        self.stream == other.stream
            && self.value.readable == other.value.readable
            && self.value.compact == other.value.compact
    }
}

impl Member for ErrorField {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &[]
    }

    fn has_same_content(&self, other: &Self) -> bool {
        self.value.readable == other.value.readable && self.value.compact == other.value.compact
    }
}

fn served(description: &Description) -> Vec<Served<'_>> {
    let services = description.services.iter();
    services
        .flat_map(|service| {
            let methods = service.methods.iter();
            methods.map(move |method| Served { service, method })
        })
        .collect()
}

/// The kind of a method's answer.
fn answer(method: &MethodDescription) -> &'static str {
    if method.one_way {
        "none (one-way)"
    } else if method.items.is_some() {
        "a stream"
    } else {
        "a value"
    }
}

/// In which direction a value travels.
type Direction = fn(Breaks) -> Impact;

/// The number of bytes of an array type such as `[u8; 4]`. `None` for other types.
fn byte_count(type_name: &str) -> Option<usize> {
    let count = type_name.strip_prefix("[u8")?.trim_start();
    let count = count.strip_prefix(';')?.strip_suffix(']')?;
    count.trim().parse().ok()
}

struct Comparison<'a> {
    old_types: &'a TypeDefinitions,
    new_types: &'a TypeDefinitions,
    differences: Vec<InterfaceDifference>,
    effort: Effort,
}

impl Comparison<'_> {
    fn note(&mut self, path: &str, change: InterfaceChange, native: Impact, json: Impact) {
        if self.differences.len() <= MAX_DIFFERENCES {
            self.differences.push(InterfaceDifference {
                path: path.to_owned(),
                change,
                native,
                json,
            });
        }
    }

    /// Notes a difference that concerns native calls and JSON calls alike.
    fn note_all(&mut self, path: &str, change: InterfaceChange, impact: Impact) {
        self.note(path, change, impact, impact);
    }

    fn descriptions(&mut self, old: &Description, new: &Description) {
        let not_described: HashSet<&str> = new.others.iter().map(String::as_str).collect();
        let (old, new) = (served(old), served(new));
        let mut services = HashSet::new();
        for pair in pairs(&old, &new) {
            match pair {
                Pair::Both(at, other) => {
                    let (old, new) = (&old[at], &new[other]);
                    if services.insert((&old.service.name, &new.service.name)) {
                        self.services(old.service, new.service);
                    }
                    self.methods(old, new);
                }
                Pair::Removed(at) => {
                    let name = &old[at].method.name;
                    let change = if not_described.contains(name.as_str()) {
                        InterfaceChange::MethodNotDescribed
                    } else {
                        InterfaceChange::MethodRemoved
                    };
                    self.note_all(name, change, Impact::OLD_CLIENTS);
                }
                Pair::Added(at) => {
                    let name = &new[at].method.name;
                    self.note_all(name, InterfaceChange::MethodAdded, Impact::NEW_CLIENTS);
                }
            }
        }
    }

    fn services(&mut self, old: &ServiceDescription, new: &ServiceDescription) {
        let path = if old.name.is_empty() {
            old.methods.first().map_or("", |method| &method.name)
        } else {
            &old.name
        };
        if old.codec != new.codec {
            let (old, new) = (old.codec.clone(), new.codec.clone());
            let change = InterfaceChange::Codec { old, new };
            self.note(path, change, Impact::BOTH, Impact::NONE);
        }
        match (old.ordered, new.ordered) {
            (true, false) => {
                self.note_all(path, InterfaceChange::Unordered, Impact::OLD_CLIENTS);
            }
            (false, true) => self.note_all(path, InterfaceChange::Ordered, Impact::NEW_CLIENTS),
            _ => {}
        }
    }

    /// Notes changed names: those by which one side calls, and the other reads.
    fn names<M: Member>(
        &mut self,
        path: &str,
        (old, new): (&M, &M),
        is_native: bool,
        renamed: fn(String) -> InterfaceChange,
    ) {
        let native = |impact| if is_native { impact } else { Impact::NONE };
        if old.name() != new.name() {
            let impact = Impact::new(!new.reads(old.name()), !old.reads(new.name()));
            let change = renamed(new.name().to_owned());
            self.note(path, change, native(impact), impact);
        }
        for alias in old.aliases().iter().filter(|alias| !new.reads(alias)) {
            let alias = alias.clone();
            let change = InterfaceChange::AliasRemoved { alias };
            let impact = Impact::OLD_CLIENTS;
            self.note(path, change, native(impact), impact);
        }
        for alias in new.aliases().iter().filter(|alias| !old.reads(alias)) {
            let alias = alias.clone();
            let change = InterfaceChange::AliasAdded { alias };
            self.note(path, change, Impact::NONE, Impact::NONE);
        }
    }

    fn methods(&mut self, old: &Served<'_>, new: &Served<'_>) {
        let path = &old.method.name;
        let reading = Reading::of_name(&old.service.codec);
        self.names(path, (old, new), true, |new| {
            InterfaceChange::MethodRenamed { new }
        });
        let (old, new) = (old.method, new.method);
        if answer(old) != answer(new) {
            let (old, new) = (answer(old).to_owned(), answer(new).to_owned());
            let change = InterfaceChange::Answer { old, new };
            self.note_all(path, change, Impact::BOTH);
        }
        match (old.idempotent, new.idempotent) {
            (true, false) => {
                let change = InterfaceChange::NotIdempotent;
                self.note(path, change, Impact::OLD_CLIENTS, Impact::NONE);
            }
            (false, true) => {
                let change = InterfaceChange::Idempotent;
                self.note(path, change, Impact::NEW_CLIENTS, Impact::NONE);
            }
            _ => {}
        }
        if old.deprecated.is_none() && new.deprecated.is_some() {
            self.note_all(path, InterfaceChange::Deprecated, Impact::NONE);
        }
        self.arguments(path, reading, old, new);
        if let (Some(old), Some(new)) = (&old.result, &new.result) {
            let path = format!("{path} → result");
            self.values(&path, reading, (old, new), Impact::of_received);
        }
        if let (Some(old), Some(new)) = (&old.items, &new.items) {
            let path = format!("{path} → item");
            self.values(&path, reading, (old, new), Impact::of_received);
        }
        self.errors(path, reading, &old.errors, &new.errors);
    }

    fn arguments(
        &mut self,
        path: &str,
        reading: Reading,
        old: &MethodDescription,
        new: &MethodDescription,
    ) {
        let has_names =
            reading.is_by_name() && !(old.arguments.is_empty() && new.arguments.is_empty());
        // A method with named arguments reads positional ones, too, but not the reverse.
        match (old.named, new.named) {
            (false, true) if has_names => {
                let change = InterfaceChange::ArgumentsNamed;
                self.note(path, change, Impact::NEW_CLIENTS, Impact::NONE);
            }
            (true, false) if has_names => {
                let change = InterfaceChange::ArgumentsPositional;
                self.note(path, change, Impact::OLD_CLIENTS, Impact::NONE);
            }
            _ => {}
        }
        if old.params != new.params {
            let change = InterfaceChange::Parameters { whole: new.params };
            let native = if reading.is_by_name() {
                Impact::BOTH
            } else {
                Impact::NONE
            };
            self.note(path, change, native, Impact::BOTH);
        }
        let by_name = reading.is_by_name() && old.named && new.named;
        let pairs = pairs(&old.arguments, &new.arguments);
        let moved = moved(&pairs);
        let common = pairs.iter().filter(|pair| matches!(pair, Pair::Both(..)));
        let common = common.count();
        for pair in pairs {
            match pair {
                Pair::Both(at, other) => {
                    let (argument, other) = (&old.arguments[at], &new.arguments[other]);
                    let path = argument_path(path, at, argument);
                    self.names(&path, (argument, other), by_name, |new| {
                        InterfaceChange::ArgumentRenamed { new }
                    });
                    if moved.contains(&at) {
                        let native = if by_name { Impact::NONE } else { Impact::BOTH };
                        self.note(&path, InterfaceChange::ArgumentMoved, native, Impact::NONE);
                    }
                    self.argument(&path, reading, argument, other);
                }
                Pair::Removed(at) => {
                    let argument = &old.arguments[at];
                    let required = argument.required;
                    let json = Impact::new(false, required);
                    // A reader of named arguments fills in optional ones at the end.
                    let is_last = at >= common && old.named && !required;
                    let native = match (by_name, is_last) {
                        (true, _) => json,
                        (false, true) => Impact::OLD_CLIENTS,
                        (false, false) => Impact::BOTH,
                    };
                    let path = argument_path(path, at, argument);
                    let change = InterfaceChange::ArgumentRemoved { required };
                    self.note(&path, change, native, json);
                }
                Pair::Added(at) => {
                    let argument = &new.arguments[at];
                    let required = argument.required;
                    let json = Impact::new(required, false);
                    let is_last = at >= common && new.named && !required;
                    let native = match (by_name, is_last) {
                        (true, _) => json,
                        (false, true) => Impact::NEW_CLIENTS,
                        (false, false) => Impact::BOTH,
                    };
                    let path = argument_path(path, at, argument);
                    let change = InterfaceChange::ArgumentAdded { required };
                    self.note(&path, change, native, json);
                }
            }
        }
    }

    fn argument(
        &mut self,
        path: &str,
        reading: Reading,
        old: &ArgumentDescription,
        new: &ArgumentDescription,
    ) {
        match (old.stream, new.stream) {
            (false, true) => {
                self.note_all(path, InterfaceChange::BecameStream, Impact::BOTH);
                return;
            }
            (true, false) => {
                self.note_all(path, InterfaceChange::BecameValue, Impact::BOTH);
                return;
            }
            _ => {}
        }
        match (old.required, new.required) {
            // Generated clients send every argument.
            (false, true) => {
                let change = InterfaceChange::ArgumentRequired;
                self.note(path, change, Impact::NONE, Impact::OLD_CLIENTS);
            }
            (true, false) => {
                let change = InterfaceChange::ArgumentOptional;
                self.note(path, change, Impact::NONE, Impact::NEW_CLIENTS);
            }
            _ => {}
        }
        // The items of a stream travel in the direction that its half says, which is not described.
        let direction: Direction = if old.stream {
            Impact::of_either
        } else {
            Impact::of_sent
        };
        self.values(path, reading, (&old.value, &new.value), direction);
    }

    fn values(
        &mut self,
        path: &str,
        reading: Reading,
        (old, new): (&ValueDescription, &ValueDescription),
        direction: Direction,
    ) {
        let (old_types, new_types) = (self.old_types, self.new_types);
        let json = compare_in(
            Reading::Name,
            (&old_types.readable, &old.readable),
            (&new_types.readable, &new.readable),
            &mut self.effort,
        );
        let native = if reading.is_by_name() {
            json.clone()
        } else {
            compare_in(
                reading,
                (&old_types.compact, &old.compact),
                (&new_types.compact, &new.compact),
                &mut self.effort,
            )
        };
        let start = self.differences.len();
        for difference in native {
            let root = root(if reading.is_by_name() {
                &old.readable
            } else {
                &old.compact
            });
            let path = joined(path, &root, &difference.path);
            let change = InterfaceChange::Value(difference.change);
            self.note(&path, change, direction(difference.breaks), Impact::NONE);
        }
        for difference in json {
            let path = joined(path, &root(&old.readable), &difference.path);
            let change = InterfaceChange::Value(difference.change);
            let impact = direction(difference.breaks);
            let found = &mut self.differences[start..];
            let same = found
                .iter_mut()
                .find(|found| found.path == path && found.change == change);
            match same {
                Some(same) => same.json = impact,
                None => self.note(&path, change, Impact::NONE, impact),
            }
        }
        let (old_count, new_count) = (byte_count(&old.type_name), byte_count(&new.type_name));
        if self.differences.len() == start && old_count != new_count && old.readable == new.readable
        {
            // Shapes of bytes have no length: arrays and lists of bytes are told apart by their types.
            let impact = direction(Breaks {
                old_reader: old_count.is_some(),
                new_reader: new_count.is_some(),
            });
            let change = InterfaceChange::Value(Change::Type {
                old: old.type_name.clone(),
                new: new.type_name.clone(),
            });
            self.note_all(path, change, impact);
        }
    }

    fn errors(
        &mut self,
        path: &str,
        reading: Reading,
        old: &[ErrorDescription],
        new: &[ErrorDescription],
    ) {
        let (old_codes, new_codes) = (by_code(old), by_code(new));
        let new_names = new.iter().map(|error| (error.name.as_str(), error));
        let new_names: HashMap<&str, &ErrorDescription> = new_names.collect();
        let mut recoded = HashSet::new();
        for error in old {
            let path = error_path(path, error);
            if let Some(other) = new_codes.get(&error.code) {
                self.error(&path, reading, error, other);
                continue;
            }
            let of_name = new_names.get(error.name.as_str());
            match of_name.filter(|other| !old_codes.contains_key(&other.code)) {
                Some(other) => {
                    recoded.insert(other.code);
                    let change = InterfaceChange::ErrorRecoded { new: other.code };
                    self.note_all(&path, change, Impact::BOTH);
                }
                None => self.note_all(&path, InterfaceChange::ErrorRemoved, Impact::NONE),
            }
        }
        for error in new {
            if !old_codes.contains_key(&error.code) && !recoded.contains(&error.code) {
                let path = error_path(path, error);
                self.note_all(&path, InterfaceChange::ErrorAdded, Impact::NONE);
            }
        }
    }

    /// Compares two errors of one code, whose data clients receive.
    fn error(
        &mut self,
        path: &str,
        reading: Reading,
        old: &ErrorDescription,
        new: &ErrorDescription,
    ) {
        if old.name != new.name {
            let new = new.name.clone();
            self.note_all(path, InterfaceChange::ErrorRenamed { new }, Impact::NONE);
        }
        if old.raw != new.raw {
            self.note_all(path, InterfaceChange::ErrorData, Impact::BOTH);
            return;
        }
        let pairs = pairs(&old.fields, &new.fields);
        let moved = moved(&pairs);
        for pair in pairs {
            match pair {
                Pair::Both(at, other) => {
                    let (field, other) = (&old.fields[at], &new.fields[other]);
                    let path = format!("{path} → {}", field.name);
                    if field.name != other.name {
                        let new = other.name.clone();
                        let change = InterfaceChange::ErrorFieldRenamed { new };
                        self.note(&path, change, Impact::NONE, Impact::BOTH);
                    }
                    if moved.contains(&at) {
                        let change = InterfaceChange::Value(Change::Moved);
                        self.note(&path, change, Impact::BOTH, Impact::NONE);
                    }
                    self.values(
                        &path,
                        reading,
                        (&field.value, &other.value),
                        Impact::of_received,
                    );
                }
                Pair::Removed(at) => {
                    let path = format!("{path} → {}", old.fields[at].name);
                    let change = InterfaceChange::ErrorFieldRemoved;
                    self.note(&path, change, Impact::BOTH, Impact::OLD_CLIENTS);
                }
                Pair::Added(at) => {
                    let path = format!("{path} → {}", new.fields[at].name);
                    let change = InterfaceChange::ErrorFieldAdded;
                    self.note(&path, change, Impact::BOTH, Impact::NEW_CLIENTS);
                }
            }
        }
    }
}

fn by_code(errors: &[ErrorDescription]) -> HashMap<u16, &ErrorDescription> {
    errors.iter().map(|error| (error.code, error)).collect()
}

fn error_path(path: &str, error: &ErrorDescription) -> String {
    format!("{path} → error {} ({})", error.code, error.name)
}

fn argument_path(path: &str, at: usize, argument: &ArgumentDescription) -> String {
    format!("{path} → argument {} ({})", at + 1, argument.name)
}

/// The path of a difference inside of a value. A difference of the whole value has the value's path.
fn joined(path: &str, root: &str, inner: &str) -> String {
    if inner == root {
        path.to_owned()
    } else {
        format!("{path} → {inner}")
    }
}
