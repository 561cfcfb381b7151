use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::SigningSecret;
use super::store::RequestStore;
use crate::outgoing::{Destinations, OutgoingClient};

/// The longest time that a setting can have. A century is as good as no limit, and can be added to the time of every clock.
const LONGEST: Duration = Duration::from_hours(876_600);

/// The settings of a gateway for deferred requests, whose responses come later and elsewhere
/// ([`Gateway::requests`](crate::http::Gateway::requests)).
///
/// ```
/// # mod chirp { pub use chirp_web::{http, requests}; }
/// use chirp::http::Gateway;
/// use chirp::requests::{DeferredRequests, Destinations, SigningSecret};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let destinations = Destinations::new().allow("https://hooks.example.com")?;
/// let requests = DeferredRequests::new().destinations(destinations).sign_with(secret);
/// let gateway = Gateway::new().requests(requests);
/// # Ok(()) }
/// # example().unwrap();
/// ```
#[derive(Clone)]
#[must_use]
pub struct DeferredRequests {
    pub(crate) client: OutgoingClient,
    pub(crate) secrets: Vec<SigningSecret>,
    pub(crate) store: Option<Arc<RequestStore>>,
    pub(crate) max_requests: usize,
    pub(crate) max_requests_per_caller: usize,
    pub(crate) max_concurrent_calls: usize,
    pub(crate) max_response: usize,
    pub(crate) max_held: usize,
    pub(crate) max_request_time: Duration,
    pub(crate) max_delivery_time: Duration,
    pub(crate) keep_time: Duration,
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
    pub(crate) max_deliveries: usize,
    pub(crate) max_deliveries_per_destination: usize,
    pub(crate) reruns_interrupted: bool,
}

impl Default for DeferredRequests {
    fn default() -> Self {
        Self {
            client: OutgoingClient::new(Destinations::new()),
            secrets: Vec::new(),
            store: None,
            max_requests: 10_000,
            max_requests_per_caller: 1_000,
            max_concurrent_calls: 256,
            max_response: 4 << 20,
            max_held: 64 << 20,
            max_request_time: Duration::from_hours(1),
            max_delivery_time: Duration::from_hours(24),
            keep_time: Duration::from_mins(10),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(10),
            max_deliveries: 256,
            max_deliveries_per_destination: 8,
            reruns_interrupted: false,
        }
    }
}

impl DeferredRequests {
    /// Creates the default settings: no destination is allowed, so that responses can only be kept for their callers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the destinations of responses. A request with another one has the response 403.
    pub fn destinations(mut self, destinations: Destinations) -> Self {
        self.client = OutgoingClient::new(destinations);
        self
    }

    /// Sets the client that posts responses, with its destinations, in place of [`destinations`](Self::destinations): for other
    /// limits, or authorities of certificates.
    pub fn client(mut self, client: OutgoingClient) -> Self {
        self.client = client;
        self
    }

    /// Signs responses with a secret. With several secrets each response has a signature by each of them, so that a secret can be
    /// replaced: add the new one, give it to all receivers, remove the old one. Without a secret, responses are not signed.
    pub fn sign_with(mut self, secret: SigningSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Keeps requests in a file. A request is on the disk before it is answered with 202, and a gateway that is started with the same
    /// file goes on where an earlier one stopped, also if it was killed: a request that had not begun runs, a call that was interrupted
    /// runs again if its method is idempotent, and a response that may have been delivered is delivered again, with the same ID. By
    /// default requests are kept in memory, and end with the gateway.
    #[cfg(feature = "requests-store")]
    pub fn store(mut self, store: RequestStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets how many requests may be open at once: accepted, and neither delivered nor given up. 10,000 by default. Another one has
    /// the response 503. As many that have ended are remembered.
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.max_requests = requests;
        self
    }

    /// Sets how many requests of one caller may be open at once. 1,000 by default. Another one has the response 429. All callers without
    /// an identity are one caller; if the gateway identifies nobody, the limit does not apply.
    pub fn max_requests_per_caller(mut self, requests: usize) -> Self {
        self.max_requests_per_caller = requests;
        self
    }

    /// Sets how many calls of open requests may be in progress at once. 256 by default. Others wait, in the order in which they were
    /// accepted.
    pub fn max_concurrent_calls(mut self, calls: usize) -> Self {
        self.max_concurrent_calls = calls;
        self
    }

    /// Sets the largest result, in bytes of JSON. 4 MiB by default. Instead of a larger one, the response is an error.
    pub fn max_response(mut self, bytes: usize) -> Self {
        self.max_response = bytes;
        self
    }

    /// Sets how many bytes of arguments and responses may be held at once. 64 MiB by default. A request that finds no room has the
    /// response 503. Instead of a result that finds none, the response is an error.
    pub fn max_held(mut self, bytes: usize) -> Self {
        self.max_held = bytes;
        self
    }

    /// Sets the time limit of calls, counted from when their requests are accepted. 1 hour by default. A request may set a shorter one
    /// with `Chirp-Timeout`.
    pub fn max_request_time(mut self, time: Duration) -> Self {
        self.max_request_time = time.min(LONGEST);
        self
    }

    /// Sets for how long the delivery of a response is tried, counted from the deadline of its call. 24 hours by default.
    pub fn max_delivery_time(mut self, time: Duration) -> Self {
        self.max_delivery_time = time.min(LONGEST);
        self
    }

    /// Sets how long requests that have ended are remembered, with their idempotency keys, and responses that have no destination are
    /// kept for their callers. 10 minutes by default.
    pub fn keep_time(mut self, time: Duration) -> Self {
        self.keep_time = time.min(LONGEST);
        self
    }

    /// Sets the first and the longest pause between attempts to deliver a response. 1 s and 10 minutes by default. Pauses double; the
    /// length of each is random, between half of it and the whole. A receiver may ask for a longer one with `Retry-After`, of up to
    /// 1 hour.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first.clamp(Duration::from_millis(1), LONGEST);
        self.longest_pause = longest.clamp(self.first_pause, LONGEST);
        self
    }

    /// Sets how many responses are being sent at once, to all destinations and to one of them. 256 and 8 by default.
    pub fn max_deliveries(mut self, all: usize, per_destination: usize) -> Self {
        self.max_deliveries = all.max(1);
        self.max_deliveries_per_destination = per_destination.max(1);
        self
    }

    /// Calls methods again that the end of the gateway has interrupted, although they are not marked as idempotent. By default, the
    /// response of such a call is an error that says that the method may have run.
    pub fn rerun_interrupted(mut self) -> Self {
        self.reruns_interrupted = true;
        self
    }
}

impl fmt::Debug for DeferredRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredRequests")
            .field("client", &self.client)
            .field("secrets", &self.secrets.len())
            .finish_non_exhaustive()
    }
}
