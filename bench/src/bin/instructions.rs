//! Makes calls for counting instructions: `instructions CALLS [MODE]`. The mode is `plain` (default), `context`
//! (each call has a trace and an entry of metadata), `struct` (the result is a struct), with the feature `reflect` `json` (the
//! same method by its JSON name), `concurrent` (64 callers at once) or `reconnecting` over memory, or `inproc` (plain) or
//! `balanced` over in-process addresses.
//!
//! Client and server run on one thread over memory, so that runs are reproducible. `instructions.sh` subtracts two
//! runs to exclude the start of the program.

use std::future::ready;
use std::{io, mem};

use chirp::channel::memory;
use chirp::{PeerBuilder, ReconnectConfig, Server, TraceContext};
use chirp_bench::system::Result;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// The tasks that call in the mode `concurrent`.
const CALLERS: u64 = 64;

#[chirp::service]
pub trait Arith {
    async fn add(&self, a: u64, b: u64) -> u64;
    async fn sum_diff(&self, a: i64, b: i64) -> SumDiff;
}

#[derive(Serialize, Deserialize)]
pub struct SumDiff {
    sum: i64,
    diff: i64,
}

struct Adder;

impl Arith for Adder {
    async fn add(&self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }

    async fn sum_diff(&self, a: i64, b: i64) -> SumDiff {
        SumDiff {
            sum: a.wrapping_add(b),
            diff: a.wrapping_sub(b),
        }
    }
}

/// The connection of a run. What it needs is kept for as long as the program runs.
async fn client(mode: &str) -> Result<ArithClient> {
    let server = PeerBuilder::new().service(ArithServer::new(Adder));
    #[cfg(feature = "reflect")]
    let server = server.reflect();
    let connect = move || {
        let (near, far) = memory();
        let started = server.start(far).map(mem::forget);
        ready(started.map(|()| near).map_err(io::Error::other))
    };
    Ok(match mode {
        #[cfg(feature = "reflect")]
        "json" => ArithClient::new(&PeerBuilder::new().start(connect().await?)?).with_json(),
        "plain" | "struct" | "concurrent" => {
            ArithClient::new(&PeerBuilder::new().start(connect().await?)?)
        }
        "context" => {
            let peer = PeerBuilder::new().start(connect().await?)?;
            peer.hello().await?;
            ArithClient::new(&peer).with_metadata("tenant", "blue")
        }
        "reconnecting" => {
            let config = ReconnectConfig::default();
            let peer = PeerBuilder::new().reconnecting_with(connect, config)?;
            peer.ready().await?;
            ArithClient::new(&peer)
        }
        "inproc" | "balanced" => {
            let addresses = ["inproc://one", "inproc://two", "inproc://three"];
            for address in addresses {
                let server = Server::builder().service(ArithServer::new(Adder));
                tokio::spawn(server.bind(address).await?.run());
            }
            if mode == "inproc" {
                return Ok(ArithClient::new(&chirp::connect(addresses[0]).await?));
            }
            let peer = chirp::connect_any(addresses)?;
            peer.watch()
                .wait_for(|state| state.connected() == 3)
                .await?;
            ArithClient::new(&peer)
        }
        mode => return Err(format!("unknown mode {mode}").into()),
    })
}

/// Makes `calls` calls by 64 tasks, each of which has one call in progress.
async fn call_concurrently(client: &ArithClient, calls: u64) -> Result<()> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move {
            for number in 0..calls / CALLERS {
                let sum = client
                    .add(number, caller)
                    .await
                    .map_err(|error| error.to_string())?;
                if sum != number + caller {
                    return Err(format!("{number} and {caller} became {sum}"));
                }
            }
            Ok(())
        });
    }
    while let Some(joined) = callers.join_next().await {
        joined??;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let calls = args.next().ok_or("usage: instructions CALLS [MODE]")?;
    let calls: u64 = calls.parse()?;
    let mode = args.next().unwrap_or_else(|| "plain".to_owned());
    let client = client(&mode).await?;
    let trace: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
    if mode == "struct" || mode == "json" {
        for number in 0..i64::try_from(calls)? {
            let SumDiff { sum, diff } = client.sum_diff(number, 250).await?;
            if (sum, diff) != (number + 250, number - 250) {
                return Err(format!("{number} and 250 became {sum} and {diff}").into());
            }
        }
        return Ok(());
    }
    if mode == "concurrent" {
        return call_concurrently(&client, calls).await;
    }
    for number in 0..calls {
        let mut call = client.add(number, 1);
        if mode == "context" {
            call = call.trace(trace.clone());
        }
        let sum = call.await?;
        if sum != number + 1 {
            return Err(format!("{number} and 1 became {sum}").into());
        }
    }
    Ok(())
}
