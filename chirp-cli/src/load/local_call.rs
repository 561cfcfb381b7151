use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::ErrorData;
use chirp::{AsCaller, PeerBuilder, Request};

use super::target::Request as TargetRequest;
use super::{Loop, Shared, Target, Window};
use crate::failure::Failure;

/// The times of the warm-up and of the measurement.
const WARM_UP: Duration = Duration::from_millis(20);
const LENGTH: Duration = Duration::from_millis(100);

/// Measures the same calls to an empty handler in this process, over a channel in memory: what this program adds to every call,
/// and a bit more, since the handler runs here, too. Returns `None` if the result is a stream.
pub(crate) async fn time_local_call(target: &Target) -> Result<Option<Duration>, Failure> {
    if let TargetRequest::Stream { .. } = target.request {
        return Ok(None);
    }
    let (one, other) = chirp::channel::memory();
    let server = PeerBuilder::new()
        .fallback(async |_: Request| Ok::<_, ErrorData>(Bytes::from_static(b"null")));
    let _server = server.start(other).map_err(Failure::usage)?;
    let client = PeerBuilder::new().start(one).map_err(Failure::usage)?;
    let target = Target {
        caller: client.as_caller(),
        ..target.clone()
    };
    let window = Window::new(WARM_UP, LENGTH);
    let shared = Arc::new(Shared::new(window));
    super::run(&[target], 1, Loop::Closed, window, &shared).await;
    let measurement = shared.lock();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of times"
    )]
    let mean = measurement.latency.mean() as u64;
    Ok((measurement.calls > 0).then(|| Duration::from_nanos(mean)))
}
