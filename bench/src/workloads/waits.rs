//! Many callers of handlers that wait before they answer.

use std::time::Duration;

use super::echo::TEXT;
use crate::handler::Wait;
use crate::link::Link;
use crate::load::drive;
use crate::record::Reading;
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// The events that handlers wait for.
pub(super) const WAITS: [Wait; 2] = [Wait::Timer, Wait::Relay];

/// A number of callers of handlers that wait.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    pub(super) wait: Wait,
    pub(super) callers: usize,
}

impl Case for Waits {
    const WORKLOAD: &'static str = "waits";

    fn name(&self) -> String {
        let wait = match self.wait {
            Wait::Timer => "timer of 1 ms",
            Wait::Relay => "another task",
            Wait::Forever => "for ever",
        };
        format!("{wait}, {} callers", self.callers)
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.waits && skills.concurrent
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let clients = vec![connection.client; self.callers];
        let call = move |client: C| async move {
            client.wait(self.wait, TEXT).await?;
            Ok(client)
        };
        Ok(drive(clients, time, call).await?.readings())
    }
}
