use std::marker::PhantomData;

use crate::peer::{Call, MethodError};

/// A type named `Result` that is an alias of [`std::result::Result`], such as `io::Result<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is named `Result` but is not `std::result::Result`",
    label = "not a `std::result::Result`",
    note = "a return type named `Result` makes a method fallible; to return a value of another type of this name, \
            import it under a different name: `use path::Result as Outcome;`"
)]
pub trait Outcome {
    /// The success type.
    type Ok;
    /// The error type.
    type Error;

    /// Converts the value to a `Result`.
    fn into_result(self) -> Result<Self::Ok, Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Ok = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// The call of a method whose return type `R` is an alias of `Result`, such as `io::Result<T>`.
pub type CallOf<R> = Call<<R as Outcome>::Ok, MethodError<<R as Outcome>::Error>>;

/// Detects whether a type of any name is a `Result`: `Probe::<T>::IS_RESULT`, with [`NotResult`] in scope.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T, E> Probe<Result<T, E>> {
    /// The type is a `Result`.
    pub const IS_RESULT: bool = true;
}

/// The fallback for types that [`Probe`] has no inherent constant for. Inherent constants take precedence.
pub trait NotResult {
    /// The type is not a `Result`.
    const IS_RESULT: bool = false;
}

impl<T> NotResult for Probe<T> {}
