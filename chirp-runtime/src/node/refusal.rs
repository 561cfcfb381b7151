use std::fmt;
use std::sync::Arc;

/// The bytes that are kept of a text of the other side.
const MAX_TEXT: usize = 1024;

/// The reason why a node was not joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of reason.
    pub reason: RefusalReason,
    /// The text of the side that refused, at most 1,024 bytes.
    pub message: Arc<str>,
}

/// The kind of a [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The nodes belong to networks of different names.
    Network,
    /// Another process under this name is connected, and answers.
    NameTaken,
    /// The name belongs to a key or a certificate that the other side has not proven.
    Unproven,
    /// The node at the address has another name than the one that was dialled.
    WrongNode,
    /// The name is that of the node itself, or the node has dialled itself.
    OwnName,
    /// The node is connected to as many nodes as it allows.
    TooManyNodes,
    /// The node receives more joins than it allows.
    Busy,
    /// The program of that node has disconnected this one.
    Disconnected,
    /// The node is shutting down.
    ShuttingDown,
    /// The join breaks the protocol.
    Invalid,
    /// A reason that this version does not know, by its number.
    Other(u32),
}

impl RefusalReason {
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Network => 1,
            Self::NameTaken => 2,
            Self::Unproven => 3,
            Self::WrongNode => 4,
            Self::OwnName => 5,
            Self::TooManyNodes => 6,
            Self::Busy => 7,
            Self::Disconnected => 8,
            Self::ShuttingDown => 9,
            Self::Invalid => 10,
            Self::Other(code) => code,
        }
    }

    pub(super) fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Network,
            2 => Self::NameTaken,
            3 => Self::Unproven,
            4 => Self::WrongNode,
            5 => Self::OwnName,
            6 => Self::TooManyNodes,
            7 => Self::Busy,
            8 => Self::Disconnected,
            9 => Self::ShuttingDown,
            10 => Self::Invalid,
            code => Self::Other(code),
        }
    }
}

impl Refusal {
    pub(super) fn new(reason: RefusalReason, message: impl AsRef<str>) -> Self {
        Self {
            reason,
            message: cut(message.as_ref()).into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Cuts a text of the other side, which goes into events and logs, and replaces control characters.
pub(super) fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    let shown = text[..end].chars();
    let shown = shown.map(|shown| if shown.is_control() { ' ' } else { shown });
    shown.collect()
}
