//! Limits, and how connections behave beyond them: overload, attacks, panics in user code.

mod attacks;
mod budget;
mod fairness;
mod guards;
mod overload;
mod slow_reader;
#[path = "../support/mod.rs"]
mod support;
