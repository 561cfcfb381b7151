//! How a half of a stream travels: as its place in a list beside the bytes.

use std::sync::Arc;

use crate::codec::CodecId;
use crate::codec::attaching::Claim;
use crate::peer::stream::endpoint::StreamEndpoint;

/// A half that came with a value, and is there when the whole value has been decoded.
#[derive(Debug)]
pub(super) struct Claimed {
    claim: Arc<Claim>,
    pub(super) codec: CodecId,
}

impl Claimed {
    pub(super) fn new((claim, codec): (Arc<Claim>, CodecId)) -> Self {
        Self { claim, codec }
    }

    /// This side's end of the stream; nothing before the value is whole.
    pub(super) fn into_end(self) -> Option<StreamEndpoint> {
        let half = Arc::into_inner(self.claim)?.into_half()?;
        half.downcast::<StreamEndpoint>().ok().map(|end| *end)
    }
}

/// What a half says that is used while the value which it came with is still being decoded.
pub(super) const TOO_EARLY: &str = "it was used before the value that it came with was whole";
