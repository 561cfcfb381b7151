/// What a peer serves.
pub(in crate::peer) struct Serving;
