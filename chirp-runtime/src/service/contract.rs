use std::fmt;
use std::pin::Pin;

use crate::packet::{CONTRACT_METHOD, ServedMethod};
use crate::peer::{CallError, Caller, MethodId, MethodName};

/// What a service promises: its methods, and a fingerprint of the signature of each.
///
/// It is a constant beside the methods' ids: `ArithMethods::CONTRACT`. A generated client compares it with what
/// the other side serves, by `check_compatibility`.
///
/// A fingerprint is made when the trait is compiled, of the method's signature: the names and types of its arguments
/// and the type of its result as they are written, by the last word of each path and without borrows (`&str` is
/// `String`, `&[T]` is `Vec<T>`), the codec, and whether the method is one-way. Names count, so that two arguments of
/// one type that have changed places are found; an argument that was only renamed differs too. What stands behind a
/// type's name does not count: a field that was added to a struct is not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    methods: &'static [Signature],
}

/// One method of a [`Contract`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    id: MethodId,
    fingerprint: u64,
    oneway: bool,
    idempotent: bool,
}

impl Contract {
    /// A contract of these methods.
    pub const fn new(methods: &'static [Signature]) -> Self {
        Self { methods }
    }

    /// The methods, in the order of the trait.
    pub const fn methods(&self) -> &'static [Signature] {
        self.methods
    }
}

impl Signature {
    /// An ordinary method.
    pub const fn new(id: MethodId, fingerprint: u64) -> Self {
        Self {
            id,
            fingerprint,
            oneway: false,
            idempotent: false,
        }
    }

    /// The same, of a method that nobody awaits a reply from.
    #[must_use]
    pub const fn oneway(self) -> Self {
        Self {
            oneway: true,
            ..self
        }
    }

    /// The same, of a method that may as well run twice.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self {
            idempotent: true,
            ..self
        }
    }

    /// The method.
    pub const fn id(&self) -> MethodId {
        self.id
    }

    /// A number made of the signature: equal for equal signatures, and for others most likely not.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether no reply is awaited: `#[chirp(oneway)]`.
    pub const fn is_oneway(&self) -> bool {
        self.oneway
    }

    /// Whether running it twice does what running it once does: `#[chirp(idempotent)]`.
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }
}

/// How a client's contract compares with what the other side serves.
///
/// It is advice: names are what is called, whatever this says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Compatibility {
    /// The other side serves each of the client's methods, and by the same signature. It may serve more.
    Same,
    /// It does not serve these as the client will call them.
    Differs(Vec<Mismatch>),
    /// It says nothing about some methods at least: it is a peer of plain Chirp v0, or serves them by
    /// handlers that are not of a service.
    Unknown,
}

/// A comparison that is being made. It may be dropped at any time.
pub type CompatibilityCheck =
    Pin<Box<dyn Future<Output = Result<Compatibility, CallError>> + Send>>;

/// One method that the other side does not serve as the client will call it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// There is no method of this name.
    Missing {
        /// The method's name, as it travels.
        method: String,
    },
    /// There is one, whose arguments, result, codec or kind are written otherwise.
    Signature {
        /// The method's name, as it travels.
        method: String,
    },
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
        }
    }
}

/// Asks the other side of `caller` which of the methods it serves, and by which signatures. `name` is what a method
/// goes by there.
///
/// # Errors
///
/// Why the question had no answer, unless that is because the other side does not know it.
pub(super) async fn compare(
    caller: Caller,
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
