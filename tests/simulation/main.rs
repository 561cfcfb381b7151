//! Whole servers and reconnecting clients on a simulated network and simulated time, with faults from a seed: partitions,
//! crashes with and without a word, restarts, changes of latency.
//!
//! Handlers note what ran, callers what they were told: no call runs twice, a call whose error says that it did not run did
//! not, a call that returned ran, no stream has a gap, no wait exceeds its bound, and nothing is left at the end. Where servers
//! only restart in order, every call succeeds.
//!
//! A failing seed is printed; `CHIRP_SIMULATION_SEED=7` repeats it. `CHIRP_SIMULATION_SEEDS` sets the number of seeds, and
//! `CHIRP_SIMULATION_FROM` the first one: `tests/simulation/run 10000`. The lengths of pauses between connects are random in every
//! run, so that a fault that depends on them may need several runs of its seed.

mod ledger;
mod network;
mod nodes;
mod pipe;
mod rng;
mod servers;
mod workload;

use std::time::Duration;

use chirp::{KeepAlive, Limits, PeerBuilder, ReconnectConfig, SharedMetrics};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use ledger::Ledger;
use network::Network;
use rng::Rng;
use servers::Servers;
use workload::Caller;

/// The number of seeds, unless `CHIRP_SIMULATION_SEEDS` is set.
const SEEDS: u64 = 50;

/// Simulated time, by which everything has ended.
const LONGEST: Duration = Duration::from_hours(2);

/// A side that hears nothing for so long ends the connection.
const WATCH: KeepAlive = KeepAlive {
    interval: Duration::from_secs(3),
    timeout: Duration::from_secs(2),
};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs a simulation with each seed, and names the seed that fails.
fn for_each_seed<F: Future<Output = usize>>(name: &str, simulate: impl Fn(u64) -> F) {
    let seeds = if let Some(seed) = number("CHIRP_SIMULATION_SEED") {
        seed..seed + 1
    } else {
        let from = number("CHIRP_SIMULATION_FROM").unwrap_or(0);
        from..from + number("CHIRP_SIMULATION_SEEDS").unwrap_or(SEEDS)
    };
    let mut done = 0;
    for seed in seeds {
        println!("seed {seed}: CHIRP_SIMULATION_SEED={seed} cargo test --test simulation {name}");
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        done += runtime.block_on(async {
            let ended = timeout(LONGEST, simulate(seed)).await;
            ended.unwrap_or_else(|_| panic!("seed {seed} has no end"))
        });
    }
    println!("{done} calls returned");
    assert!(done > 0, "no call was answered");
}

#[test]
fn no_call_runs_twice_and_nothing_waits_for_ever_on_a_bad_network() {
    for_each_seed("no_call_runs_twice", |seed| simulate(seed, false));
}

#[test]
fn every_call_succeeds_once_while_servers_restart_in_order() {
    for_each_seed("every_call_succeeds", |seed| simulate(seed, true));
}

async fn simulate(seed: u64, is_calm: bool) -> usize {
    let mut rng = Rng::new(seed);
    let network = Network::new(seed);
    let ledger = Ledger::default();
    let metrics = SharedMetrics::new();
    let mut servers = Servers::new(&network, &ledger, &metrics, 1 + rng.below(3)).await;
    let mut callers = JoinSet::new();
    let mut links = Vec::new();
    for client in 0..=rng.below(3) {
        let name = format!("client{client}");
        let to = Servers::host(rng.below(servers.count()));
        let connect = {
            let (network, name) = (network.clone(), name.clone());
            move || {
                let (network, name, to) = (network.clone(), name.clone(), to.clone());
                async move { network.connect(&name, &to).await }
            }
        };
        let config = ReconnectConfig::new()
            .backoff(Duration::from_millis(1), rng.millis(1, 500))
            .max_wait(Duration::from_mins(1));
        let peer = PeerBuilder::new()
            .keep_alive(WATCH)
            // Calls and one-way calls together have too few ids, and the latter wait for them.
            .limits(Limits::default().max_pending_calls(8))
            .connect_timeout(Duration::from_secs(5))
            .metrics(&metrics)
            .reconnecting_with(connect, config)
            .expect("no service");
        for _ in 0..=rng.below(4) {
            let caller = Caller {
                peer: peer.clone(),
                ledger: ledger.clone(),
                rng: rng.split(),
                is_calm,
            };
            callers.spawn(caller.work(25));
        }
        links.push((name, peer));
    }
    let names: Vec<_> = links.iter().map(|(name, _)| name.clone()).collect();
    let begin = Instant::now();
    while !callers.is_empty() {
        let pause = rng.millis(1, 3000);
        tokio::select! {
            biased;
            () = sleep(pause) => {
                // The faults end, so that the callers do.
                let calms_down = is_calm || begin.elapsed() > Duration::from_mins(5);
                servers.disturb(&mut rng, &names, calms_down).await;
            }
            Some(ended) = callers.join_next() => {
                if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }
    servers.heal(&names);
    for (_, peer) in links {
        peer.close();
    }
    servers.stop_all().await;
    until_idle(&metrics).await;
    ledger.check()
}

/// Waits until no connection, call or handler is left.
async fn until_idle(metrics: &SharedMetrics) {
    let begin = Instant::now();
    loop {
        let now = metrics.snapshot();
        if [now.connections_open, now.calls_active, now.calls_pending] == [0; 3] {
            return;
        }
        assert!(
            begin.elapsed() < Duration::from_mins(2),
            "left at the end: {} connections, {} handlers, {} calls",
            now.connections_open,
            now.calls_active,
            now.calls_pending
        );
        sleep(Duration::from_millis(50)).await;
    }
}
