//! Thousands of idle connections between two processes, each of which counts its memory.

use chirp_bench::options::Options;
use chirp_bench::record::{Metric, Record};
use chirp_bench::report::figure;
use chirp_bench::server_process::ServerProcess;
use chirp_bench::system::{Client, Result, System};
use chirp_bench::systems::{Visitor, visit};
use chirp_bench::usage::raise_descriptor_limit;

use super::held;

const WORKLOAD: &str = "connections";
const CASE: &str = "idle connections";

/// The number of connections, if the limit of descriptors allows it.
const CONNECTIONS: usize = 10_000;
const QUICK_CONNECTIONS: usize = 1_000;

/// Measures every selected system.
pub(super) async fn measure(options: &Options) -> Result<Vec<Record>> {
    let wanted = if options.quick {
        QUICK_CONNECTIONS
    } else {
        CONNECTIONS
    };
    let mut idle = Idle {
        connections: wanted.min(raise_descriptor_limit()?),
        records: Vec::new(),
    };
    eprint!("{} {CASE}:", idle.connections);
    visit(|name| options.wants_system(name), &mut idle).await?;
    eprintln!();
    Ok(idle.records)
}

struct Idle {
    connections: usize,
    records: Vec<Record>,
}

impl Visitor for Idle {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if !T::SKILLS.connects {
            return Ok(());
        }
        // One worker thread, so that numbers are reproducible.
        let server = ServerProcess::start::<T>(1)?;
        let mut clients = Vec::with_capacity(self.connections);
        // The first connection initializes what all share.
        clients.push(connect::<T>(&server).await?);
        let before = (server.usage()?, held());
        while clients.len() < self.connections {
            clients.push(connect::<T>(&server).await?);
        }
        let after = (server.usage()?, held());
        let each = |before: u64, after: u64| {
            after.saturating_sub(before) as f64 / (clients.len() - 1) as f64
        };
        let heap = each(before.0.heap, after.0.heap) + each(before.1 as u64, after.1 as u64);
        // Only the server's: this process may still have memory that an earlier system has freed.
        let resident = each(before.0.resident, after.0.resident);
        for (metric, value) in [
            (Metric::Bytes, heap),
            (Metric::ServerResidentBytes, resident),
            (Metric::Connections, clients.len() as f64),
        ] {
            let record = Record::new(WORKLOAD, CASE, T::NAME, metric, vec![value]);
            self.records.push(record);
        }
        eprint!("  {} {}", T::NAME, figure(heap));
        Ok(())
    }
}

/// Creates a connection and uses it once.
async fn connect<T: System>(server: &ServerProcess) -> Result<T::Client> {
    let client = server.connect::<T>().await?;
    client.add(1, 2).await?;
    Ok(client)
}
