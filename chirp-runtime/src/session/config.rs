use super::Limits;

/// The settings of a session: its limits, and its use of the protocol's extensions.
#[derive(Clone, Debug, Default)]
pub struct SessionConfig {
    /// Bounds on memory and time.
    pub limits: Limits,
    /// When to ask the other side for its extensions.
    pub negotiation: Negotiation,
    /// Payloads of more bytes than this are compressed, if both sides have set it.
    #[cfg(feature = "lz4")]
    pub compress_above: Option<usize>,
}

/// When a side asks the other for its protocol extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negotiation {
    /// When an operation needs an extension. A deadline does not: it is sent only if the other side is known
    /// to accept deadlines. Until then a peer of plain Chirp v0 receives nothing that it does not know.
    #[default]
    Lazy,
    /// When the connection starts, so that deadlines are sent.
    Eager,
    /// Never. This side also declares no extensions when it is asked.
    Never,
}

impl From<Limits> for SessionConfig {
    fn from(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }
}
