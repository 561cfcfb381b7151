use std::marker::PhantomData;

use crate::codec::form::{List, Owned, Return};
use crate::codec::{Carries, Codec, CodecId, Failure, ServiceError, Wire};

/// How a method's arguments, its result and its error travel.
pub trait Signature: 'static {
    /// How values become bytes.
    type Codec: Carries<Self::Arguments> + Carries<Self::Result>;
    /// The arguments, by position.
    type Arguments: List;
    /// What the method returns when it does not fail.
    type Result: Return;
    /// What the method fails with; `Infallible` where it does not say.
    type Error: ServiceError;
}

/// The form of a `T` that has no form of its own.
pub type Value<T> = Owned<<T as Wire>::Itself>;

/// `T` itself, if it can travel.
pub type Itself<T> = <T as Wire>::Itself;

/// The error `E`.
pub type Thrown<E> = <E as Failure>::Itself;

/// What is behind a type that is called `Result`, such as `io::Result<T>` or a crate's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is called `Result` but is none",
    label = "not a `std::result::Result`",
    note = "a method whose return type is called `Result` is one that can fail"
)]
pub trait Outcome {
    /// What it is when it went well.
    type Ok;
    /// What it is when it did not.
    type Error;
}

impl<T, E> Outcome for Result<T, E> {
    type Ok = T;
    type Error = E;
}

/// Tells a `Result` by whatever name: `Probe::<T>::IS_RESULT`, with [`NotResult`] in scope.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T, E> Probe<Result<T, E>> {
    /// It is.
    pub const IS_RESULT: bool = true;
}

/// Answers for every type that [`Probe`] does not know: inherent constants come first.
pub trait NotResult {
    /// It is not.
    const IS_RESULT: bool = false;
}

impl<T> NotResult for Probe<T> {}

/// Whether the error of `M` can be carried by its codec.
pub const fn fits_raw<M: Signature>() -> bool {
    !(matches!(<M::Codec as Codec>::ID, CodecId::Raw) && M::Error::HAS_FIELDS)
}
