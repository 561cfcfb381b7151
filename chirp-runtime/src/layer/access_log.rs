use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::layer::outcome::OutcomeGuard;
use crate::peer::{HandlerFuture, InboundRequest, Layer, Next};

/// A layer that logs each call when it ends: method, peer, identity, outcome and time. Requires the feature `tracing`.
///
/// The event is at INFO, with the target `chirp::access`. A name that is not registered is logged as it was called, cut
/// to 64 bytes.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AccessLog;

impl AccessLog {
    /// Creates the layer.
    pub fn new() -> Self {
        Self
    }
}

/// How much of a name that is not registered is logged.
const MAX_NAME: usize = 64;

impl Layer for AccessLog {
    fn handle(&self, request: InboundRequest, next: Next) -> HandlerFuture {
        if !tracing::enabled!(target: "chirp::access", tracing::Level::INFO) {
            return Box::pin(next.run(request));
        }
        let method = request.registered_name().map_or_else(
            || {
                let name = request.method();
                let name = &name[..name.len().min(MAX_NAME)];
                format!("{} (not registered)", name.escape_ascii())
            },
            ToOwned::to_owned,
        );
        let peer = request.context().remote().map(ToString::to_string);
        let identity = request.identity().clone();
        let begun = Instant::now();
        let guard = OutcomeGuard::new(&request, move |outcome| {
            let peer = peer.as_deref().unwrap_or("none");
            let time = Milliseconds(begun.elapsed());
            tracing::info!(
                target: "chirp::access",
                method,
                peer,
                ?identity,
                %outcome,
                %time,
                "call"
            );
        });
        Box::pin(async move {
            let reply = next.run(request).await;
            guard.replied(&reply);
            reply
        })
    }
}

struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.0.as_secs_f64() * 1e3)
    }
}
