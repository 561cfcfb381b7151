//! A proxy between two peers: two peers, of which each forwards all calls through the other.

use chirp::channel::{Channel, memory};
use chirp::{AsCaller as _, Peer, PeerBuilder};

/// The two ends of a channel through a proxy. The proxy ends both connections when one ends.
pub(super) fn proxied() -> (Channel, Channel) {
    let (channels, _) = proxied_by();
    channels
}

/// As [`proxied`], with the two peers of the proxy.
pub(crate) fn proxied_by() -> ((Channel, Channel), [Peer; 2]) {
    let ((left, near), (far, right)) = (memory(), memory());
    let builder = PeerBuilder::new();
    let near = builder.start(near).expect("no services");
    let far = builder.start(far).expect("no services");
    let peers = [near.clone(), far.clone()];
    let (to_left, to_right) = (near.as_caller(), far.as_caller());
    near.update_routes(|router| router.fallback(to_right).is_empty());
    far.update_routes(|router| router.fallback(to_left).is_empty());
    tokio::spawn(async move {
        tokio::select! {
            _ = near.closed() => far.close(),
            _ = far.closed() => near.close(),
        }
    });
    ((left, right), peers)
}
