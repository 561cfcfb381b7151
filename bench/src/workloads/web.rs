//! Calls over JSON-RPC and over a WebSocket, beside plain connections of Chirp.

use std::time::Duration;

use super::echo::echo;
use crate::link::Link;
use crate::load::drive;
use crate::record::Reading;
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// A number of callers of a small echo over a transport.
#[derive(Clone, Debug)]
pub(super) struct Web {
    pub(super) link: Link,
    pub(super) callers: usize,
}

impl Case for Web {
    const WORKLOAD: &'static str = "web";

    fn name(&self) -> String {
        match self.callers {
            1 => format!("{}, one caller", self.link),
            callers => format!("{}, {callers} callers", self.link),
        }
    }

    fn link(&self) -> Option<Link> {
        Some(self.link)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.web
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let clients = vec![connection.client; self.callers];
        Ok(drive(clients, time, echo).await?.readings())
    }
}
