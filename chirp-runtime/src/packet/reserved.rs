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

/// The method that returns the numbers of methods and connections (PROTOCOL.md, "`chirp.reflect.stats`").
pub const STATS_METHOD: &str = "chirp.reflect.stats";

/// The suffix of the JSON names of methods: `Arith.sum;json` is `Arith.sum` with its values in JSON (PROTOCOL.md, "JSON
/// names").
pub const JSON_SUFFIX: &str = ";json";

/// Where calls of a reserved method go that arrive at a proxy: a router whose fallback is another peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReservedRoute {
    /// To the proxy itself: the method is about the connection, or about the proxy.
    Connection,
    /// To the proxy, which adds the answer of its target.
    Merged,
    /// To the proxy for the services that it knows, and else to its target.
    PerService,
}

/// The reserved methods that are ordinary calls: the session passes them on, and programs may call them.
const CALLABLE: &[(&str, ReservedRoute)] = &[
    (CONTRACT_METHOD, ReservedRoute::Merged),
    (DESCRIBE_METHOD, ReservedRoute::Merged),
    (HEALTH_CHECK_METHOD, ReservedRoute::PerService),
    (HEALTH_WATCH_METHOD, ReservedRoute::PerService),
    (NODE_JOIN_METHOD, ReservedRoute::Connection),
    (NODE_LEAVE_METHOD, ReservedRoute::Connection),
    (STATS_METHOD, ReservedRoute::Connection),
];

/// Returns `true` if a name belongs to the framework.
pub(crate) fn is_reserved(method: &[u8]) -> bool {
    method.starts_with(RESERVED_PREFIX.as_bytes())
}

/// Returns `true` if a name belongs to the framework and is not an ordinary call: the session answers it.
pub(crate) fn is_uncallable(method: &[u8]) -> bool {
    is_reserved(method) && reserved_route(method).is_none()
}

/// Returns where calls of a reserved method go. Returns `None` if the method is not an ordinary call.
pub(crate) fn reserved_route(method: &[u8]) -> Option<ReservedRoute> {
    let mut methods = CALLABLE.iter();
    let found = methods.find(|(name, _)| name.as_bytes() == method);
    found.map(|(_, route)| *route)
}

/// Returns the name of a method from its JSON name. Returns `None` for other names.
pub(crate) fn strip_json_suffix(name: &[u8]) -> Option<&[u8]> {
    name.strip_suffix(JSON_SUFFIX.as_bytes())
}
