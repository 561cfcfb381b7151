//! One caller, with both ends in this process.

use std::time::Duration;

use super::add::one_caller;
use crate::link::Link;
use crate::record::Reading;
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// One caller, and no socket.
#[derive(Clone, Debug)]
pub(super) struct InProcess;

impl Case for InProcess {
    const WORKLOAD: &'static str = "in-process";

    fn name(&self) -> String {
        "one caller".to_owned()
    }

    fn link(&self) -> Option<Link> {
        None
    }

    fn takes(&self, _skills: Skills) -> bool {
        true
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        one_caller(&connection.client, time).await
    }
}
