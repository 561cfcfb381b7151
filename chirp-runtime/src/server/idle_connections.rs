use std::collections::VecDeque;

use super::Connection;
use super::connections::Registry;

/// Connections that may not have sent anything yet, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct IdleConnections(VecDeque<u64>);

impl IdleConnections {
    pub(super) fn push(&mut self, number: u64, registry: &Registry) {
        // Remove active and ended connections once they are the majority, so that the cost is amortized.
        if self.0.len() > 2 * registry.len() + 32 {
            self.0.retain(|&number| if_idle(number, registry).is_some());
        }
        self.0.push_back(number);
    }

    /// Returns the oldest connection that has not sent anything.
    pub(super) fn oldest(&mut self, registry: &Registry) -> Option<Connection> {
        loop {
            let oldest = if_idle(*self.0.front()?, registry);
            if oldest.is_some() {
                return oldest;
            }
            self.0.pop_front();
        }
    }
}

fn if_idle(number: u64, registry: &Registry) -> Option<Connection> {
    let connection = registry.get(number)?;
    let received = connection.peer.metrics().counters.packets_received;
    (received == 0).then_some(connection)
}
