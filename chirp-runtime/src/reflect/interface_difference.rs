use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Breaks, Change};

/// A difference between two versions of an interface: [`compare_descriptions`](super::compare_descriptions).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InterfaceDifference {
    /// Where the versions differ, such as `Arith.sum_diff → argument 1 (order) → Order.price`. Arguments are counted from 1.
    pub path: String,
    /// How they differ.
    pub change: InterfaceChange,
    /// Whose calls in the service's codec fail or are misunderstood.
    pub native: Impact,
    /// Whose JSON calls, with arguments by name, fail or are misunderstood.
    pub json: Impact,
}

/// The clients whose calls a difference breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Impact {
    /// Whether old clients fail with new servers.
    pub old_clients: bool,
    /// Whether new clients fail with old servers.
    pub new_clients: bool,
}

/// How two versions of an interface differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InterfaceChange {
    /// A method was removed.
    MethodRemoved,
    /// A method was added.
    MethodAdded,
    /// A method has another name. The old one may be an alias of the new one, or the reverse.
    MethodRenamed {
        /// The new name.
        new: String,
    },
    /// A method is still served, but not described any more.
    MethodNotDescribed,
    /// A method or argument has got another name.
    AliasAdded {
        /// The other name.
        alias: String,
    },
    /// A method or argument has lost another name.
    AliasRemoved {
        /// The other name.
        alias: String,
    },
    /// Native calls use another codec.
    Codec {
        /// The old codec.
        old: String,
        /// The new codec.
        new: String,
    },
    /// The answer is of another kind: a value, a stream, or none.
    Answer {
        /// The old kind.
        old: String,
        /// The new kind.
        new: String,
    },
    /// Arguments are sent by name: `#[chirp(named)]` was added.
    ArgumentsNamed,
    /// Arguments are sent by position: `#[chirp(named)]` was removed.
    ArgumentsPositional,
    /// `#[chirp(params)]` was added or removed.
    Parameters {
        /// Whether the one argument is all of the parameters now.
        whole: bool,
    },
    /// An argument was added.
    ArgumentAdded {
        /// Whether calls without the argument are refused.
        required: bool,
    },
    /// An argument was removed.
    ArgumentRemoved {
        /// Whether calls without the argument were refused.
        required: bool,
    },
    /// An argument has another name. The old one may be an alias of the new one, or the reverse.
    ArgumentRenamed {
        /// The new name.
        new: String,
    },
    /// An argument has another position among those that both have.
    ArgumentMoved,
    /// An optional argument has become required.
    ArgumentRequired,
    /// A required argument has become optional.
    ArgumentOptional,
    /// A value has become a stream.
    BecameStream,
    /// A stream has become a value.
    BecameValue,
    /// An error was added. Old clients receive the code and the text.
    ErrorAdded,
    /// An error was removed.
    ErrorRemoved,
    /// An error has another code.
    ErrorRecoded {
        /// The new code.
        new: u16,
    },
    /// The error of this code has another name.
    ErrorRenamed {
        /// The new name.
        new: String,
    },
    /// The data of an error have become bytes that are not encoded by the codec, or the reverse.
    ErrorData,
    /// The field of an error was added.
    ErrorFieldAdded,
    /// The field of an error was removed.
    ErrorFieldRemoved,
    /// The field of an error has another name.
    ErrorFieldRenamed {
        /// The new name.
        new: String,
    },
    /// The methods of a service do not run one after another any more.
    Unordered,
    /// The methods of a service run one after another.
    Ordered,
    /// A method may no longer be called again if it may have run.
    NotIdempotent,
    /// A method may be called again if it may have run.
    Idempotent,
    /// A method is deprecated now.
    Deprecated,
    /// A value has another shape.
    Value(Change),
    /// The descriptions are too large. The rest was not compared.
    NotCompared,
}

impl Impact {
    pub(super) const NONE: Self = Self::new(false, false);
    pub(super) const BOTH: Self = Self::new(true, true);
    pub(super) const OLD_CLIENTS: Self = Self::new(true, false);
    pub(super) const NEW_CLIENTS: Self = Self::new(false, true);

    pub(super) const fn new(old_clients: bool, new_clients: bool) -> Self {
        Self {
            old_clients,
            new_clients,
        }
    }

    /// The impact of a difference in values that clients send.
    pub(super) fn of_sent(breaks: Breaks) -> Self {
        Self::new(breaks.new_reader, breaks.old_reader)
    }

    /// The impact of a difference in values that clients receive.
    pub(super) fn of_received(breaks: Breaks) -> Self {
        Self::new(breaks.old_reader, breaks.new_reader)
    }

    /// The impact of a difference in values that travel in either direction.
    pub(super) fn of_either(breaks: Breaks) -> Self {
        Self::new(breaks.any(), breaks.any())
    }

    /// Returns whether calls of old or new clients fail.
    pub fn any(self) -> bool {
        self.old_clients || self.new_clients
    }
}

impl InterfaceDifference {
    /// Returns whether calls of old clients to new servers fail or are misunderstood, native or JSON.
    pub fn breaks_old_clients(&self) -> bool {
        self.native.old_clients || self.json.old_clients
    }

    /// Returns whether calls of new clients to old servers fail or are misunderstood, native or JSON.
    pub fn breaks_new_clients(&self) -> bool {
        self.native.new_clients || self.json.new_clients
    }

    /// Returns whether any calls fail or are misunderstood.
    pub fn is_breaking(&self) -> bool {
        self.native.any() || self.json.any()
    }
}

/// Formats the difference on one line: `Arith.sum → argument 1 (a): type changed from u32 to u64 (breaks native calls)`.
impl fmt::Display for InterfaceDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.change)?;
        let (native, json) = (clients(self.native), clients(self.json));
        match (native, json) {
            (None, None) => Ok(()),
            (Some(native), Some(json)) if native == json => write!(f, " (breaks calls{native})"),
            (Some(native), Some(json)) => {
                write!(f, " (breaks native calls{native}, JSON calls{json})")
            }
            (Some(native), None) => write!(f, " (breaks native calls{native})"),
            (None, Some(json)) => write!(f, " (breaks JSON calls{json})"),
        }
    }
}

fn clients(impact: Impact) -> Option<&'static str> {
    match (impact.old_clients, impact.new_clients) {
        (true, true) => Some(""),
        (true, false) => Some(" of old clients"),
        (false, true) => Some(" of new clients"),
        (false, false) => None,
    }
}

impl fmt::Display for InterfaceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MethodRenamed { new } => return write!(f, "method renamed to {new}"),
            Self::AliasAdded { alias } => return write!(f, "alias {alias} added"),
            Self::AliasRemoved { alias } => return write!(f, "alias {alias} removed"),
            Self::Codec { old, new } => return write!(f, "codec changed from {old} to {new}"),
            Self::Answer { old, new } => return write!(f, "answer changed from {old} to {new}"),
            Self::ArgumentRenamed { new } => return write!(f, "argument renamed to {new}"),
            Self::ErrorRecoded { new } => return write!(f, "error code changed to {new}"),
            Self::ErrorRenamed { new } => return write!(f, "error renamed to {new}"),
            Self::ErrorFieldRenamed { new } => return write!(f, "error field renamed to {new}"),
            Self::Value(change) => return change.fmt(f),
            Self::MethodRemoved => "method removed",
            Self::MethodAdded => "method added",
            Self::MethodNotDescribed => "method no longer described",
            Self::ArgumentsNamed => "arguments are sent by name now",
            Self::ArgumentsPositional => "arguments are sent by position now",
            Self::Parameters { whole: true } => "the argument is all of the parameters now",
            Self::Parameters { .. } => "the argument is one of the parameters now",
            Self::ArgumentAdded { required: true } => "required argument added",
            Self::ArgumentAdded { .. } => "optional argument added",
            Self::ArgumentRemoved { required: true } => "required argument removed",
            Self::ArgumentRemoved { .. } => "optional argument removed",
            Self::ArgumentMoved => "argument moved",
            Self::ArgumentRequired => "optional argument became required",
            Self::ArgumentOptional => "required argument became optional",
            Self::BecameStream => "became a stream",
            Self::BecameValue => "became a single value",
            Self::ErrorAdded => "error added",
            Self::ErrorRemoved => "error removed",
            Self::ErrorData => "encoding of the error's data changed",
            Self::ErrorFieldAdded => "error field added",
            Self::ErrorFieldRemoved => "error field removed",
            Self::Unordered => "methods no longer run in order",
            Self::Ordered => "methods run in order now",
            Self::NotIdempotent => "no longer idempotent",
            Self::Idempotent => "idempotent now",
            Self::Deprecated => "deprecated now",
            Self::NotCompared => "too large to compare",
        })
    }
}
