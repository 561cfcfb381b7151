//! Stream halves inside values that are being decoded.

use std::sync::Arc;

use crate::codec::CodecId;
use crate::codec::attaching::Claim;
use crate::peer::stream::endpoint::StreamEndpoint;

/// A stream half that was decoded as part of a value. The half becomes available once the whole value has
/// been decoded.
#[derive(Debug)]
pub(super) struct Claimed {
    claim: Arc<Claim>,
    pub(super) codec: CodecId,
}

impl Claimed {
    pub(super) fn new((claim, codec): (Arc<Claim>, CodecId)) -> Self {
        Self { claim, codec }
    }

    /// Returns this side's end of the stream. Returns `None` if the value has not been decoded completely.
    pub(super) fn into_end(self) -> Option<StreamEndpoint> {
        let half = Arc::into_inner(self.claim)?.into_half()?;
        half.downcast::<StreamEndpoint>().ok().map(|end| *end)
    }
}

/// The error of using a stream half while its value is still being decoded.
pub(super) const TOO_EARLY: &str = "stream half used before its value was completely decoded";
