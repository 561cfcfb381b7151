//! Requests over HTTP whose responses come later and elsewhere.

mod deferred_id;
mod delivery;
mod delivery_slots;
mod hook_receiver;
mod hook_response;
mod open_requests;
mod retry_pauses;
mod settings;
mod signing;
pub(crate) mod store;
mod stream_url;
mod timestamp;
mod tracker;

pub use deferred_id::{DeferredId, DeferredIdError};
pub(crate) use delivery::{Deliverer, Delivery};
pub use hook_receiver::{HookError, HookReceiver, HookTicket};
pub use hook_response::HookResponse;
pub(crate) use open_requests::{OpenLimit, OpenLimits, OpenPlace, OpenRequests};
pub(crate) use retry_pauses::RetryPauses;
pub use settings::DeferredRequests;
pub use signing::{SigningSecret, SigningSecretError};
#[cfg(feature = "requests-store")]
pub use store::RequestStore;
pub use store::StoreError;
pub(crate) use timestamp::Timestamp;

pub use crate::http_target::HttpTarget;
pub use crate::outgoing::{
    DestinationError, Destinations, OutgoingBody, OutgoingClient, OutgoingError, OutgoingResponse,
    OutgoingUrl, rewrite_localhost,
};
pub(crate) use stream_url::UrlSource;
pub use stream_url::{StreamOffer, StreamUrlEnd, StreamUrlError, StreamUrls};
pub use tracker::{TrackError, TrackedError, TrackedRequest, Tracker};
