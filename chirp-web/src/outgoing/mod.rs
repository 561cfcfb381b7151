//! Requests that this side sends to destinations that others name, such as response hooks: only where the operator allows it.

mod address_range;
mod address_rules;
mod body;
mod client;
mod connect;
mod destinations;
mod error;
mod localhost;
mod request_body;
mod resolver;
#[cfg(feature = "tls")]
mod tls_settings;
mod unix_folder;
mod url;

pub(crate) use body::ConnectionTask;
pub use body::OutgoingBody;
pub use client::{OutgoingClient, OutgoingResponse};
pub use destinations::{DestinationError, Destinations};
pub use error::OutgoingError;
pub use localhost::rewrite_localhost;
pub(crate) use request_body::OutgoingRequestBody;
pub use url::OutgoingUrl;
