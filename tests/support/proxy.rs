//! A proxy between two peers: two peers, of which each forwards all calls through the other.

use chirp::channel::{Channel, memory};
use chirp::{AsCaller as _, PeerBuilder};

/// The two ends of a channel through a proxy. The proxy ends both connections when one ends.
pub(crate) fn proxied() -> (Channel, Channel) {
    let ((left, near), (far, right)) = (memory(), memory());
    let builder = PeerBuilder::new();
    let near = builder.start(near).expect("no services");
    let far = builder.start(far).expect("no services");
    let (to_left, to_right) = (near.as_caller(), far.as_caller());
    near.update_routes(|router| router.fallback(to_right).is_empty());
    far.update_routes(|router| router.fallback(to_left).is_empty());
    tokio::spawn(async move {
        tokio::select! {
            _ = near.closed() => far.close(),
            _ = far.closed() => near.close(),
        }
    });
    (left, right)
}
