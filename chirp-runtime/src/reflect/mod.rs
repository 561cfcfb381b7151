//! Shapes of types: how values of a serde type are written, found without a derive.
//!
//! [`Shapes::add`] runs a type's `Deserialize` with values that it makes up, and notes which values the type asks for.
//! A field is offered by its name, its type is noted, and the attempt ends with an error; then the next field is
//! offered. So one type that cannot be traced costs its own shape only, which becomes [`Shape::Any`].

mod access;
mod compare;
mod compare_descriptions;
mod description;
mod difference;
mod interface_difference;
mod member;
mod merge;
mod node;
mod probe_error;
mod reading;
mod shape;
mod shape_tables;
mod shapes;
mod tagged;
mod trace;
mod tracer;
mod used_types;
mod value_reader;

#[cfg(all(test, feature = "messagepack", feature = "postcard"))]
mod tests;

pub use compare::compare;
pub use compare_descriptions::compare_descriptions;
pub use description::{
    ArgumentDescription, Description, ErrorDescription, ErrorField, MethodDescription,
    ServiceDescription, TypeDefinitions, ValueDescription,
};
pub use difference::{Breaks, Change, Difference};
pub use interface_difference::{Impact, InterfaceChange, InterfaceDifference};
pub use shape::{Definition, Field, Shape, Variant};
pub(crate) use shape_tables::ShapeTables;
pub use shapes::{Notation, Shapes};
pub use value_reader::{ValueError, ValueReader};
