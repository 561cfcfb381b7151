//! Throughput: many callers of a small echo on one connection.

use std::time::Duration;

use crate::link::Link;
use crate::load::drive;
use crate::record::Reading;
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// A text of 80 bytes.
pub(super) const TEXT: &str =
    "The quick brown fox jumps over the lazy dog, and the dog never even looks at it.";

/// A number of callers over a transport.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    link: Link,
    callers: usize,
    /// Both ends share one worker thread.
    one_worker: bool,
}

impl Echo {
    /// Creates the case for the usual number of worker threads.
    pub(super) fn new(link: Link, callers: usize) -> Self {
        Self {
            link,
            callers,
            one_worker: false,
        }
    }

    /// Creates the case for one worker thread.
    pub(super) fn on_one_worker(link: Link, callers: usize) -> Self {
        Self {
            one_worker: true,
            ..Self::new(link, callers)
        }
    }
}

impl Case for Echo {
    const WORKLOAD: &'static str = "echo";

    fn name(&self) -> String {
        let workers = if self.one_worker { ", one worker" } else { "" };
        format!("{}, {} callers{workers}", self.link, self.callers)
    }

    fn link(&self) -> Option<Link> {
        Some(self.link)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.concurrent
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

/// Makes one call and checks its result.
pub(super) async fn echo<C: Client>(client: C) -> Result<C> {
    if client.echo(TEXT).await?.len() == TEXT.len() {
        Ok(client)
    } else {
        Err("wrong echo".into())
    }
}
