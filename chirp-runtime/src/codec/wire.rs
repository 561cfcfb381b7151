use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can travel in a call: every type that serde can take apart and put together again, and that may
/// be sent between threads.
///
/// It is never implemented by hand. A type that cannot travel is reported once, where a service names it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel in a chirp call",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and borrow nothing",
    note = "for a type of yours: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Wire: Sized {
    /// The type itself. Naming it through this trait is what makes a missing derive *one* error: where
    /// `Self` is not `Wire` this is an error type, about which the compiler says nothing more.
    type Itself: Serialize + DeserializeOwned + Send + 'static;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {
    type Itself = T;
}

/// Never applies. With a single implementation the compiler would take `T: Wire` for granted and report
/// each of that implementation's bounds, at each use; with two it has to choose, finds none, and says so.
#[diagnostic::do_not_recommend]
impl<T> Wire for T
where
    for<'a> (): never::Never<'a>,
{
    type Itself = ();
}

pub(super) mod never {
    /// Implemented by nothing.
    pub trait Never<'a> {}
}
