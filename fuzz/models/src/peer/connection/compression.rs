use super::connection_core::ConnectionCore;
use crate::session::Batch;

/// Nothing takes long to compress.
pub(in crate::peer) fn is_heavy(_: &Batch) -> bool {
    false
}

impl ConnectionCore {
    pub(in crate::peer) fn needs_preparation(&self, _: &Batch) -> bool {
        false
    }

    pub(in crate::peer) fn prepare(&self, _: &mut Batch) {}
}
