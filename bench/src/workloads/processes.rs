//! A client and a server in two processes, over Unix sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::echo::echo;
use crate::histogram::Histogram;
use crate::load::drive;
use crate::options::Options;
use crate::record::{Metric, Reading, Record};
use crate::rounds::{Ready, Rounds};
use crate::server_process::ServerProcess;
use crate::system::{Client, Result, System};
use crate::systems::{self, Visitor};
use crate::usage::raise_descriptor_limit;

/// Callers of a small echo in a process that is not the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct TwoProcesses {
    pub(super) workload: &'static str,
    pub(super) case: &'static str,
    pub(super) connections: usize,
    /// The number of callers on each connection.
    pub(super) callers: usize,
}

/// One caller, and 64 on one connection.
pub(super) const ECHOES: [TwoProcesses; 2] = [
    TwoProcesses {
        workload: "echo",
        case: "unix, two processes, one caller",
        connections: 1,
        callers: 1,
    },
    TwoProcesses {
        workload: "echo",
        case: "unix, two processes, 64 callers",
        connections: 1,
        callers: 64,
    },
];

/// Many connections with one caller each.
pub(super) const CONNECTIONS: TwoProcesses = TwoProcesses {
    workload: "connections",
    case: "1000 connections, one caller each",
    connections: 1_000,
    callers: 1,
};

impl TwoProcesses {
    /// Measures every selected system that supports the case.
    pub(super) async fn measure(self, options: &Options) -> Result<Vec<Record>> {
        // The connections of all systems are open at once.
        raise_descriptor_limit()?;
        let mut connecting = Connecting {
            case: self,
            workers: options.worker_threads(),
            ready: Vec::new(),
        };
        systems::visit(|name| options.wants_system(name), &mut connecting).await?;
        let rounds = Rounds {
            workload: self.workload,
            case: self.case.to_owned(),
            runtime: Handle::current(),
        };
        rounds.run(connecting.ready, options).await
    }
}

struct Connecting {
    case: TwoProcesses,
    workers: usize,
    ready: Vec<Ready>,
}

impl Visitor for Connecting {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if !T::SKILLS.connects || (self.case.callers > 1 && !T::SKILLS.concurrent) {
            return Ok(());
        }
        let server = Arc::new(ServerProcess::start::<T>(self.workers)?);
        let mut clients = Vec::with_capacity(self.case.connections * self.case.callers);
        for _ in 0..self.case.connections {
            let client = server.connect::<T>().await?;
            clients.extend(vec![client; self.case.callers]);
        }
        let round = move |time| round(clients.clone(), Arc::clone(&server), time);
        self.ready.push(Ready::new::<T, _>(round));
        Ok(())
    }
}

/// Runs one caller for each client. CPU time is that of both processes.
async fn round<C: Client>(
    clients: Vec<C>,
    server: Arc<ServerProcess>,
    time: Duration,
) -> Result<Vec<Reading>> {
    let latencies = Arc::new(Histogram::new());
    let callers = clients
        .into_iter()
        .map(|client| (client, Arc::clone(&latencies)));
    let call = |(client, latencies): (C, Arc<Histogram>)| async move {
        let started = Instant::now();
        let client = echo(client).await?;
        latencies.add(started.elapsed());
        Ok((client, latencies))
    };
    let before = server.usage()?.cpu;
    let mut load = drive(callers.collect(), time, call).await?;
    load.cpu += server.usage()?.cpu.saturating_sub(before);
    let p50 = latencies.quantile(0.5).as_secs_f64() * 1e6;
    let mut readings = load.readings();
    readings.push(Reading::new(Metric::P50, p50));
    Ok(readings)
}
