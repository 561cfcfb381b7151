use std::sync::Arc;

use crate::peer::connection::ConnectionCore;

impl ConnectionCore {
    /// As in the runtime. The task that goes on reading is the model's.
    pub(in crate::peer) fn take_over_reader(self: &Arc<Self>, stay: u64) {
        if let Some(reader) = self.in_place.leave(stay) {
            self.taken_reader.send(reader);
        }
    }
}
