//! Names that generated code imports.

use std::collections::BTreeSet;

use super::names::quoted;

/// The names of the package that generated code may use: those of values, and those of types.
const VALUES: &[&str] = &["errorClass", "service", "t"];
const TYPES: &[&str] = &[
    "CallContext",
    "CallOptions",
    "Caller",
    "ItemStream",
    "Items",
    "Method",
    "Service",
];

/// The names that a module imports.
#[derive(Debug, Default)]
pub(super) struct Imports {
    names: BTreeSet<&'static str>,
}

impl Imports {
    /// All names that may be imported.
    pub(super) fn possible() -> impl Iterator<Item = &'static str> {
        VALUES.iter().chain(TYPES).copied()
    }

    pub(super) fn add<const N: usize>(&mut self, names: [&'static str; N]) {
        self.names.extend(names);
    }

    /// Writes the import of the names that are used.
    pub(super) fn write(&self, module: &str, out: &mut String) {
        let is_used = |name: &&&str| self.names.contains(**name);
        out.push_str("import {\n");
        for name in VALUES.iter().filter(is_used) {
            put!(out, "  {name},\n");
        }
        for name in TYPES.iter().filter(is_used) {
            put!(out, "  type {name},\n");
        }
        put!(out, "}} from {};\n", quoted(module));
    }
}
