//! The tables by which services are described and called in JSON.

#[cfg(feature = "reflect")]
use std::time::Duration;

#[cfg(feature = "reflect")]
use super::ErrorList;
#[cfg(feature = "reflect")]
use crate::codec::{ArgumentTable, CodecId, Form};
#[cfg(feature = "reflect")]
use crate::reflect::{Shape, Shapes};

/// The description of a service. Without the feature `reflect`, no service has one.
#[cfg(not(feature = "reflect"))]
#[derive(Clone, Copy, Debug)]
pub enum ServiceTable {}

/// The description of a service.
#[cfg(feature = "reflect")]
#[derive(Clone, Copy, Debug)]
pub struct ServiceTable {
    /// The service's own name.
    pub name: &'static str,
    /// The documentation of the trait.
    pub documentation: &'static str,
    /// The codec of native calls.
    pub codec: CodecId,
    /// Whether the methods run one after another on each connection.
    pub ordered: bool,
    /// The methods, in the order of the trait.
    pub methods: &'static [MethodTable],
}

/// The description of a method.
#[cfg(feature = "reflect")]
#[derive(Clone, Copy, Debug)]
pub struct MethodTable {
    /// The documentation of the method.
    pub documentation: &'static str,
    /// The names of the arguments.
    pub arguments: ArgumentTable,
    /// The values or items of the arguments, in the same order.
    pub values: &'static [ValueTable],
    /// The result, unless there is none or it is a stream.
    pub result: Option<ValueTable>,
    /// The items of the result, if it is a stream.
    pub items: Option<ValueTable>,
    /// Functions that describe the errors of the method and of its items.
    pub errors: &'static [fn(&mut ErrorList<'_>)],
    /// Whether arguments are sent by name in codecs that have names.
    pub named: bool,
    /// Whether the only argument is encoded as the parameters themselves in codecs that have names.
    pub params: bool,
    /// The default time limit of a call.
    pub deadline: Option<Duration>,
    /// The reason why the method is deprecated.
    pub deprecated: Option<&'static str>,
}

/// The description of a value.
#[cfg(feature = "reflect")]
#[derive(Clone, Copy, Debug)]
pub struct ValueTable {
    /// The type as it is written.
    pub type_name: &'static str,
    /// Finds the shape of the value.
    pub shape: fn(&mut Shapes) -> Shape,
    /// Whether the value is the item of a stream.
    pub stream: bool,
    /// Returns the JSON Schema of the value, if the service has the option `schema`.
    pub schema: Option<fn() -> String>,
}

/// Finds the shape of values of a form.
#[cfg(feature = "reflect")]
pub fn shape_of<F: Form>(shapes: &mut Shapes) -> Shape {
    F::shape(shapes)
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

/// Keeps items that describe a type. Without the feature `reflect` they are not compiled.
#[cfg(feature = "reflect")]
#[doc(hidden)]
#[macro_export]
macro_rules! __reflected_items {
    ($($items:tt)*) => {
        $($items)*
    };
}

/// See the definition with the feature `reflect`.
#[cfg(not(feature = "reflect"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __reflected_items {
    ($($items:tt)*) => {};
}

/// The schema of a value, by this function. Without the feature `schema` there is none.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __schema {
    ($($function:tt)*) => {
        ::core::option::Option::Some($($function)*)
    };
}

/// See the definition with the feature `schema`.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __schema {
    ($($function:tt)*) => {
        ::core::option::Option::None
    };
}

/// Checks that services can have schemas.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __requires_schema {
    () => {};
}

/// See the definition with the feature `schema`.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __requires_schema {
    () => {
        ::core::compile_error!(
            "the option `schema` requires the feature `schema` of the crate `chirp`"
        );
    };
}
