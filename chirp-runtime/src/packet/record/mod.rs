//! Binary records as hosts write them by hand: the helper of the Go implementation's package `packet`.

mod builder;
mod scanner;
mod vint30;

pub use builder::RecordBuilder;
pub use scanner::{RecordError, RecordScanner};
pub use vint30::{Vint30, Vint30Error};
