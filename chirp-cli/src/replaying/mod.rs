//! Sending the calls of a record again.

mod comparison;
mod session;

pub(crate) use comparison::{Comparison, REPLAYED, difference};
pub(crate) use session::ReplaySession;
