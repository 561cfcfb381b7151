//! Requests over HTTP whose responses come later and elsewhere.

#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "for the gateway's deferred requests"
)]
mod store;
mod stream_url;

pub use crate::outgoing::{
    DestinationError, Destinations, OutgoingBody, OutgoingClient, OutgoingError, OutgoingResponse,
    OutgoingUrl, rewrite_localhost,
};
pub(crate) use stream_url::UrlSource;
pub use stream_url::{StreamOffer, StreamUrlEnd, StreamUrlError, StreamUrls};
