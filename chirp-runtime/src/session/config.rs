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
    /// The side that connected asks when the connection starts; the other side asks as with [`Lazy`](Self::Lazy).
    /// Calls do not wait for the answer unless they need an extension, and a peer of plain Chirp v0 may refuse to
    /// answer or never answer.
    #[default]
    Connecting,
    /// When an operation needs an extension. A deadline does not: it is sent only if the other side is known
    /// to accept deadlines. Until then a peer of plain Chirp v0 receives nothing that it does not know.
    Lazy,
    /// When the connection starts, on both sides.
    Eager,
    /// Never, for exact Chirp v0. This side also declares no extensions when it is asked.
    Disabled,
}

impl Negotiation {
    /// Returns `true` if a side asks when the connection starts. `connected` tells whether that side made the
    /// connection.
    pub(crate) fn asks_at_start(self, connected: bool) -> bool {
        match self {
            Self::Connecting => connected,
            Self::Eager => true,
            Self::Lazy | Self::Disabled => false,
        }
    }
}

impl From<Limits> for SessionConfig {
    fn from(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }
}
