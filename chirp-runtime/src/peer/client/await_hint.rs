use super::call::Call;

/// Makes the compiler explain that a call must be awaited first. No type implements this trait.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a call is a future: await it to get its `Result`",
    label = "insert `.await` before this method"
)]
pub trait Awaited {}

impl<T, E> Call<T, E> {
    #[doc(hidden)]
    pub fn unwrap(self) -> T
    where
        Self: Awaited,
    {
        unreachable!("no type implements `Awaited`")
    }

    #[doc(hidden)]
    pub fn expect(self, _: &str) -> T
    where
        Self: Awaited,
    {
        unreachable!("no type implements `Awaited`")
    }
}
