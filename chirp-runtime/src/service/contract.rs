use std::fmt;
use std::pin::Pin;

use crate::packet::{CONTRACT_METHOD, ServedMethod};
use crate::peer::{CallError, Caller, MethodId, MethodName};
#[cfg(feature = "reflect")]
use crate::reflect::InterfaceDifference;

/// The methods of a service, with a fingerprint of each method's signature.
///
/// A generated client compares its contract with the methods that the other side serves:
/// `check_compatibility`. The contract is a constant next to the method ids: `ArithMethods::CONTRACT`.
///
/// A fingerprint is computed when the trait is compiled. It covers the names and types of the arguments and the type
/// of the result as they are written, the codec, and whether the method is one-way. Of a path only the last segment
/// counts, and borrows do not count: `&str` is the same as `String`, and `&[T]` the same as `Vec<T>`. Names count, so
/// that two arguments of one type that changed places are detected; renaming an argument changes the fingerprint too.
/// The definition of a type does not count: a field added to a struct leaves the fingerprint the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    methods: &'static [Signature],
}

/// The signature of one method of a [`Contract`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    id: MethodId,
    fingerprint: u64,
    oneway: bool,
    idempotent: bool,
}

impl Contract {
    /// Creates a contract of the given methods.
    pub const fn new(methods: &'static [Signature]) -> Self {
        Self { methods }
    }

    /// Returns the signatures of the methods, in the order of the trait.
    pub const fn methods(&self) -> &'static [Signature] {
        self.methods
    }
}

impl Signature {
    /// Creates the signature of an ordinary method.
    pub const fn new(id: MethodId, fingerprint: u64) -> Self {
        Self {
            id,
            fingerprint,
            oneway: false,
            idempotent: false,
        }
    }

    /// Marks the method as one-way.
    #[must_use]
    pub const fn oneway(self) -> Self {
        Self {
            oneway: true,
            ..self
        }
    }

    /// Marks the method as idempotent.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self {
            idempotent: true,
            ..self
        }
    }

    /// Returns the method's id.
    pub const fn id(&self) -> MethodId {
        self.id
    }

    /// Returns the fingerprint: equal for equal signatures, and different for others with high probability.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Returns whether the method is one-way: `#[chirp(oneway)]`.
    pub const fn is_oneway(&self) -> bool {
        self.oneway
    }

    /// Returns whether the method is idempotent: `#[chirp(idempotent)]`.
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }
}

/// The result of comparing a client's contract with the methods that the other side serves.
///
/// The result is informational: calls are dispatched by name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Compatibility {
    /// The other side serves all of the client's methods with the same signatures. It may serve further methods.
    ///
    /// If both sides have the feature `reflect` and the other side describes its methods, the parts of the types are the
    /// same, too, as far as shapes show them.
    Same,
    /// The other side lacks some methods or serves them with other signatures or types. Not every difference breaks calls.
    Differs(Vec<Mismatch>),
    /// No differences are known, but the other side does not tell the signatures of all methods. It is a
    /// plain Chirp v0 peer, or serves some methods with handlers that are not part of a service.
    Unknown,
}

/// The future of a comparison. Cancel safe: dropping the future cancels the underlying call.
pub type CompatibilityCheck =
    Pin<Box<dyn Future<Output = Result<Compatibility, CallError>> + Send>>;

/// A method, or a part of one, that the other side does not serve as the client expects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The other side has no method of this name.
    Missing {
        /// The method's name on the wire.
        method: String,
    },
    /// The other side has a method of this name with different arguments, result, codec or kind.
    Signature {
        /// The method's name on the wire.
        method: String,
    },
    /// A part of a method differs, such as a field of an argument. Found if both sides have the feature `reflect` and the
    /// other side describes its methods (`reflect` of its builder).
    #[cfg(feature = "reflect")]
    Part {
        /// The difference. This side has the old version, and the other side the new one.
        difference: InterfaceDifference,
        /// Whether calls of this client fail or are misunderstood: its JSON calls if it makes those, else native calls.
        breaks: bool,
    },
}

#[cfg(feature = "reflect")]
impl Compatibility {
    /// Adds differences that were found after those of the signatures.
    pub(super) fn add(&mut self, mut found: Vec<Mismatch>) {
        match self {
            Self::Differs(differences) => differences.append(&mut found),
            _ if found.is_empty() => {}
            Self::Same | Self::Unknown => *self = Self::Differs(found),
        }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("the methods are the same"),
            Self::Unknown => f.write_str("the other side does not tell its methods"),
            Self::Differs(differences) => {
                for (index, difference) in differences.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{difference}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { method } => write!(f, "`{method}` is missing"),
            Self::Signature { method } => write!(f, "`{method}` has another signature"),
            #[cfg(feature = "reflect")]
            Self::Part { difference, breaks } => {
                let breaks = if *breaks { " (breaks calls)" } else { "" };
                write!(f, "{}: {}{breaks}", difference.path, difference.change)
            }
        }
    }
}

/// Asks the other side of `caller` for the signatures of the methods in `contract`. `name` returns a method's
/// name on the wire.
///
/// # Errors
///
/// Returns the error of the call, except for errors by which a peer says that it does not support the question.
pub(super) async fn compare(
    caller: &Caller,
    contract: Contract,
    name: impl Fn(MethodId) -> MethodName,
) -> Result<Compatibility, CallError> {
    let mut differences = Vec::new();
    let mut unknown = false;
    for methods in contract.methods.chunks(ServedMethod::MAX_METHODS) {
        let names: Vec<_> = methods.iter().map(|method| name(method.id)).collect();
        let question = ServedMethod::encode_question(names.iter().map(MethodName::as_bytes));
        let answer = match caller.call(CONTRACT_METHOD, question).await {
            Ok(answer) => ServedMethod::decode_answer(&answer, methods.len()),
            Err(CallError::UnknownMethod { .. } | CallError::Remote(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(answer) = answer else {
            unknown = true;
            continue;
        };
        for ((signature, name), served) in methods.iter().zip(names).zip(answer) {
            let method = || name.to_string();
            match served {
                ServedMethod::Unsigned => unknown = true,
                ServedMethod::No => differences.push(Mismatch::Missing { method: method() }),
                ServedMethod::Signed(found) if found != signature.fingerprint => {
                    differences.push(Mismatch::Signature { method: method() });
                }
                ServedMethod::Signed(_) => {}
            }
        }
    }
    Ok(match (differences.is_empty(), unknown) {
        (false, _) => Compatibility::Differs(differences),
        (true, true) => Compatibility::Unknown,
        (true, false) => Compatibility::Same,
    })
}
