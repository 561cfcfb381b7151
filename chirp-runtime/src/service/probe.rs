use std::marker::PhantomData;

use crate::peer::{Call, MethodError};

/// What is behind a type that is called `Result`, such as `io::Result<T>` or a crate's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is named `Result` but is not `std::result::Result`",
    label = "not a `std::result::Result`",
    note = "a return type named `Result` makes a method fallible; to return a value of another type of this name, \
            import it under a different name: `use path::Result as Outcome;`"
)]
pub trait Outcome {
    /// What it is when it went well.
    type Ok;
    /// What it is when it did not.
    type Error;

    /// The `Result` that it is.
    fn into_result(self) -> Result<Self::Ok, Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Ok = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// The call of a method that returns `R`, a `Result` by a name of its own, such as `io::Result<T>`.
pub type CallOf<R> = Call<<R as Outcome>::Ok, MethodError<<R as Outcome>::Error>>;

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
