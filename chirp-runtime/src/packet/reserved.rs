use super::CONTRACT_METHOD;

/// The prefix of method names that are reserved for the framework.
pub const RESERVED_PREFIX: &str = "chirp.";

/// The method by which a node joins another (PROTOCOL.md, "Nodes").
pub const NODE_JOIN_METHOD: &str = "chirp.node.join";

/// The method by which a node leaves a link to another (PROTOCOL.md, "Nodes").
pub const NODE_LEAVE_METHOD: &str = "chirp.node.leave";

/// The method that returns the state of a service (PROTOCOL.md, "`chirp.health`").
pub const HEALTH_CHECK_METHOD: &str = "chirp.health.check";

/// The method that returns the state of a service and its changes, as a stream (PROTOCOL.md, "`chirp.health`").
pub const HEALTH_WATCH_METHOD: &str = "chirp.health.watch";

/// The method that returns descriptions of services and methods (PROTOCOL.md, section 6.6).
pub const DESCRIBE_METHOD: &str = "chirp.reflect.describe";

/// The suffix of the JSON names of methods: `Arith.sum;json` is `Arith.sum` with its values in JSON (PROTOCOL.md, "JSON
/// names").
pub const JSON_SUFFIX: &str = ";json";

/// The reserved methods that are ordinary calls: the session passes them on, and programs may call them.
const CALLABLE: &[&str] = &[
    CONTRACT_METHOD,
    DESCRIBE_METHOD,
    HEALTH_CHECK_METHOD,
    HEALTH_WATCH_METHOD,
    NODE_JOIN_METHOD,
    NODE_LEAVE_METHOD,
];

/// Returns `true` if a name belongs to the framework.
pub(crate) fn is_reserved(method: &[u8]) -> bool {
    method.starts_with(RESERVED_PREFIX.as_bytes())
}

/// Returns `true` if a name belongs to the framework and is not an ordinary call: the session answers it.
pub(crate) fn is_uncallable(method: &[u8]) -> bool {
    is_reserved(method) && !CALLABLE.iter().any(|name| name.as_bytes() == method)
}

/// Returns the name of a method from its JSON name. Returns `None` for other names.
pub(crate) fn strip_json_suffix(name: &[u8]) -> Option<&[u8]> {
    name.strip_suffix(JSON_SUFFIX.as_bytes())
}
