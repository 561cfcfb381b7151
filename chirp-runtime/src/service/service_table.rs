//! What generated code knows about a service, for callers that know nothing.

#[cfg(feature = "reflect")]
use std::time::Duration;

#[cfg(feature = "reflect")]
use crate::codec::JsonArguments;

/// The descriptions of a service's methods. Without the feature `reflect`, no service has one.
#[cfg(not(feature = "reflect"))]
#[derive(Clone, Copy, Debug)]
pub enum ServiceTable {}

/// The descriptions of a service's methods.
#[cfg(feature = "reflect")]
#[derive(Clone, Copy, Debug)]
pub struct ServiceTable {
    /// The methods, in the order of the trait.
    pub methods: &'static [MethodTable],
}

/// The description of a method.
#[cfg(feature = "reflect")]
#[derive(Clone, Copy, Debug)]
pub struct MethodTable {
    /// The names of the arguments.
    pub arguments: JsonArguments,
    /// The default time limit of a call.
    pub deadline: Option<Duration>,
}

/// Creates the table of a service that can be described: `Some(&table)`. Without the feature `reflect` this is `None`,
/// and the table is not compiled.
#[cfg(feature = "reflect")]
#[doc(hidden)]
#[macro_export]
macro_rules! __reflected {
    ($($table:tt)*) => {
        ::core::option::Option::Some(&$($table)*)
    };
}

/// See the definition with the feature `reflect`.
#[cfg(not(feature = "reflect"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __reflected {
    ($($table:tt)*) => {
        ::core::option::Option::None
    };
}
