//! Hand-written binary records, as in the Go implementation's `packet` package.

mod builder;
mod scanner;
mod vint30;

pub use builder::RecordBuilder;
pub use scanner::{RecordError, RecordScanner};
pub use vint30::{Vint30, Vint30Error};
