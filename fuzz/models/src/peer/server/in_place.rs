use std::sync::Arc;

use crate::peer::connection::ConnectionCore;

impl ConnectionCore {
    /// As in the runtime. The task that goes on reading is the model's.
    pub(in crate::peer) fn recover_stay(self: &Arc<Self>, stay: u64) {
        if let Some(reader) = self.unpark_reader(stay) {
            self.taken_reader.send(reader);
        } else {
            self.recoveries.send(stay);
        }
    }
}
