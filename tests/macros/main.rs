//! The code and the diagnostics of `#[chirp::service]` and `#[derive(chirp::ServiceError)]`.

mod diagnostics;
#[cfg(all(feature = "json", feature = "reflect"))]
mod error_numbers;
// Public, since lints such as `missing_docs` look only at public items.
pub mod hygiene;
#[cfg(all(feature = "json", feature = "messagepack", feature = "postcard"))]
mod json_clients;
mod macro_rules;
mod named;
mod options;
#[cfg(all(feature = "json", feature = "messagepack", feature = "postcard"))]
mod params;
mod service;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
