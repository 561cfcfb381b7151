use std::collections::VecDeque;

use super::Connection;
use super::connections::Registry;

/// The connections on which nothing may have come yet, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct IdleConnections(VecDeque<u64>);

impl IdleConnections {
    pub(super) fn push(&mut self, number: u64, registry: &Registry) {
        // Those that have said something or ended are taken out where that is cheap: when they are most.
        if self.0.len() > 2 * registry.len() + 32 {
            self.0
                .retain(|&number| is_silent(number, registry).is_some());
        }
        self.0.push_back(number);
    }

    /// The first of those that have not said anything.
    pub(super) fn oldest(&mut self, registry: &Registry) -> Option<Connection> {
        loop {
            let oldest = is_silent(*self.0.front()?, registry);
            if oldest.is_some() {
                return oldest;
            }
            self.0.pop_front();
        }
    }
}

fn is_silent(number: u64, registry: &Registry) -> Option<Connection> {
    let connection = registry.get(number)?;
    let heard = connection.peer.metrics().counters.packets_received;
    (heard == 0).then_some(connection)
}
