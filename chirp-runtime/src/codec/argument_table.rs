use super::decoder::ArgumentNames;

/// The arguments of a method, for callers that write them in JSON.
#[derive(Clone, Copy, Debug)]
pub struct ArgumentTable {
    /// The names of each argument, its own first.
    pub names: ArgumentNames,
    /// Whether each argument may be missing.
    pub optional: &'static [bool],
}
