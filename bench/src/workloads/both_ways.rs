//! Calls in both directions on one connection at the same time.

use std::time::Duration;

use super::echo::echo;
use crate::link::Link;
use crate::load::drive;
use crate::record::Reading;
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// Callers at each end.
const CALLERS: usize = 128;

/// Small echoes from both ends.
#[derive(Clone, Debug)]
pub(super) struct BothWays;

impl Case for BothWays {
    const WORKLOAD: &'static str = "both-ways";

    fn name(&self) -> String {
        format!("unix, {CALLERS} callers at each end")
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.concurrent && skills.both_ways
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let back = connection.back.ok_or("the second end has no client")?;
        let mut clients = vec![connection.client; CALLERS];
        clients.extend(vec![back; CALLERS]);
        Ok(drive(clients, time, echo).await?.readings())
    }
}
