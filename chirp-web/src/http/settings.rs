use std::sync::Arc;
use std::time::Duration;

use chirp_runtime::packet::Metadata;
use chirp_runtime::peer::AccessPolicy;
use http::StatusCode;

use super::authenticate::Authenticate;
use super::open_api::RequestForms;
use super::problem::Problem;
use crate::origin_policy::OriginPolicy;
#[cfg(feature = "requests")]
use crate::requests::DeferredRequests;

/// The settings of a gateway.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) origins: OriginPolicy,
    pub(super) access: Option<AccessPolicy>,
    pub(super) authenticate: Option<Arc<dyn Authenticate>>,
    /// The keys of metadata that requests may have. `None` unless they are limited.
    pub(super) metadata: Option<Vec<String>>,
    pub(super) max_body: usize,
    pub(super) max_concurrent_calls: usize,
    pub(super) timeout: Duration,
    pub(super) max_timeout: Duration,
    pub(super) max_stream_time: Duration,
    pub(super) allow_get: bool,
    pub(super) has_page: bool,
    /// The URL at which callers reach the gateway, without a slash at its end.
    #[cfg(feature = "requests")]
    pub(super) public_url: Option<String>,
    #[cfg(feature = "requests")]
    pub(super) stream_urls: Option<crate::requests::StreamUrls>,
    /// Fetches streams that arguments name by URLs. `None` if they may not.
    #[cfg(feature = "requests")]
    pub(super) fetcher: Option<crate::requests::OutgoingClient>,
    #[cfg(feature = "requests")]
    pub(super) requests: Option<DeferredRequests>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            origins: OriginPolicy::default(),
            access: None,
            authenticate: None,
            metadata: None,
            max_body: 4 << 20,
            max_concurrent_calls: 1024,
            timeout: Duration::from_secs(30),
            max_timeout: Duration::from_mins(5),
            max_stream_time: Duration::from_hours(1),
            allow_get: false,
            has_page: true,
            #[cfg(feature = "requests")]
            public_url: None,
            #[cfg(feature = "requests")]
            stream_urls: None,
            #[cfg(feature = "requests")]
            fetcher: None,
            #[cfg(feature = "requests")]
            requests: None,
        }
    }
}

impl Settings {
    /// Whether something but the identity of callers depends on the connections of their requests.
    pub(super) fn reads_client_info(&self) -> bool {
        #[cfg(feature = "requests")]
        if self.stream_urls.is_some() || self.fetcher.is_some() || self.requests.is_some() {
            return true;
        }
        self.authenticate.is_some()
    }

    /// Returns the ways in which the gateway takes requests.
    pub(super) fn forms(&self) -> RequestForms {
        RequestForms {
            has_get: self.allow_get,
            #[cfg(feature = "requests")]
            has_deferred: self.requests.is_some(),
            #[cfg(not(feature = "requests"))]
            has_deferred: false,
        }
    }

    /// Checks the metadata of a request. Where senders are authenticated, what a service reads about a sender must not be what
    /// anybody may claim, so keys are refused unless they are listed.
    pub(super) fn check_metadata(&self, metadata: &Metadata) -> Result<(), Problem> {
        let listed = match &self.metadata {
            Some(keys) => keys.as_slice(),
            None if self.authenticate.is_some() => &[],
            None => return Ok(()),
        };
        let refused = metadata
            .iter()
            .map(|(key, _)| key)
            .find(|key| !listed.iter().any(|listed| listed == key));
        refused.map_or(Ok(()), |key| {
            let detail = format!(
                "the metadata key \"{key}\" is not accepted: allow it with `Gateway::allow_metadata`"
            );
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        })
    }
}
