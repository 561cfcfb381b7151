/// The services of a peer.
pub(in crate::peer) struct Serving;
