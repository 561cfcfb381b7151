use crate::peer::{Reply, Request, Router};

/// The numbers of a server. A higher layer implements it.
pub(crate) trait StatsSource: Send + Sync {
    /// Answers a request for the numbers of what the asker may see by the access rules of `router`.
    fn report(&self, router: &Router, request: &Request) -> Reply;
}
