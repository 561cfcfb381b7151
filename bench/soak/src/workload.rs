//! The tasks that use all features at once.

use std::sync::Arc;
use std::time::Duration;

use chirp::{CallError, Caller, MethodError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::failure::{Failure, Link};
use crate::operations::Operation;
use crate::random::Random;
use crate::service::{BackClient, through};
use crate::shared::Shared;
use crate::station::{Client, Outcome};

/// Callers on each connection that lasts, and of the mesh.
const CALLERS: usize = 3;

/// Clients that connect, call, and leave.
const VISITORS: usize = 2;

/// The longest pause of a caller between two operations, in milliseconds.
const PAUSE: u64 = 6;

/// The way in which a client leaves while calls are running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Departure {
    Close,
    Shutdown,
    Drop,
}

/// Starts all tasks.
pub(crate) fn start(shared: &Arc<Shared>, clients: &[Client], seed: u64) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let mut streams = 0..;
    let mut random = || Random::new(seed, streams.next().unwrap_or(0));
    for (index, client) in clients.iter().enumerate() {
        for _ in 0..CALLERS {
            let (shared, caller) = (Arc::clone(shared), client.caller());
            tasks.spawn(call(shared, index, caller, random()));
        }
    }
    for _ in 0..CALLERS {
        tasks.spawn(call_nodes(Arc::clone(shared), random()));
    }
    for _ in 0..VISITORS {
        tasks.spawn(visit(Arc::clone(shared), random()));
    }
    tasks.spawn(call_clients(Arc::clone(shared), random()));
    tasks.spawn(send_garbage(Arc::clone(shared), random()));
    tasks.spawn(restart(Arc::clone(shared), random()));
    tasks
}

async fn pause(random: &mut Random, longest: u64) {
    tokio::time::sleep(Duration::from_millis(random.below(longest + 1))).await;
}

/// Calls the server of one connection.
async fn call(shared: Arc<Shared>, station: usize, caller: Caller, mut random: Random) {
    let link = shared.stations[station].link;
    while !shared.is_over() {
        let round = shared.round.read().await;
        let operation = Operation::choose(&mut random);
        let running = operation.run(&caller, &shared.ledger, &mut random);
        let time = shared.run(operation.name(), link, running).await;
        if let (Operation::Add, Link::Lasting, Some(time)) = (operation, link, time) {
            round.adds.add(time);
        }
        drop(round);
        pause(&mut random, PAUSE).await;
    }
}

/// Calls one node or all of them.
async fn call_nodes(shared: Arc<Shared>, mut random: Random) {
    while !shared.is_over() {
        let round = shared.round.read().await;
        if random.below(2) == 0 {
            let caller = shared.mesh.caller(&mut random);
            let operation = Operation::choose(&mut random);
            let running = operation.run(&caller, &shared.ledger, &mut random);
            shared
                .run(operation.name(), crate::mesh::LINK, running)
                .await;
        } else {
            let running = shared.mesh.multicast(&mut random);
            shared.run("multicast", crate::mesh::LINK, running).await;
        }
        drop(round);
        pause(&mut random, PAUSE).await;
    }
}

/// Connects, calls and leaves: with a word, at once, or by dropping everything while calls run.
async fn visit(shared: Arc<Shared>, mut random: Random) {
    while !shared.is_over() {
        let round = shared.round.read().await;
        let station = &shared.stations[random.below(shared.stations.len() as u64) as usize];
        // A connection that is to end with its last handle must serve nothing.
        let departure = random.one_of(&[Departure::Close, Departure::Shutdown, Departure::Drop]);
        let builder = match departure {
            Departure::Drop => station.client_alone(),
            _ => station.client(),
        };
        let connected = async {
            let peer = builder.connect(station.address.as_str()).await;
            peer.map_err(|error| Failure::Call(CallError::NotConnected(error.to_string().into())))
        };
        let mut peer = None;
        let connecting = async {
            match connected.await {
                Ok(connected) => peer = Some(connected),
                // A server that is starting again accepts no connections.
                Err(_) if station.link == Link::Restarted => {}
                Err(failure) => return Err(failure),
            }
            Ok(())
        };
        shared.run("connect", station.link, connecting).await;
        if let Some(peer) = peer {
            let caller = chirp::AsCaller::as_caller(&peer);
            for _ in 0..random.below(5) {
                let mut operation = Operation::choose(&mut random);
                if operation == Operation::CallBack && departure == Departure::Drop {
                    operation = Operation::Add;
                }
                let running = operation.run(&caller, &shared.ledger, &mut random);
                shared.run(operation.name(), station.link, running).await;
            }
            let client = crate::service::WorkClient::new(&peer);
            let (slow, numbers) = (client.grind(5).start(), client.count(0, u64::MAX).start());
            match departure {
                Departure::Close => peer.close(),
                Departure::Shutdown => drop(peer.shutdown(Duration::from_secs(1)).await),
                Departure::Drop => {}
            }
            drop((slow, numbers, client, caller, peer));
        }
        drop(round);
        pause(&mut random, 20).await;
    }
}

/// Calls clients from the side of their servers. Some of them leave at the same time.
async fn call_clients(shared: Arc<Shared>, mut random: Random) {
    while !shared.is_over() {
        let round = shared.round.read().await;
        let station = &shared.stations[random.below(shared.stations.len() as u64) as usize];
        for peer in station.peers() {
            let (value, depth) = (random.below(1 << 30), random.below(4) as u8);
            let running = async {
                match BackClient::new(&peer).back(value, depth).await {
                    Ok(answer) if answer == (0..=depth).fold(value, through) => Ok(()),
                    Ok(answer) => Err(Failure::Wrong(format!("a client answered {answer}"))),
                    // Some clients serve nothing.
                    Err(MethodError::Call(CallError::UnknownMethod { .. })) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            };
            shared
                .run("server calls client", Link::Restarted, running)
                .await;
        }
        drop(round);
        pause(&mut random, 20).await;
    }
}

/// Connects to servers and sends bytes that are no packets. The server must close the connection.
async fn send_garbage(shared: Arc<Shared>, mut random: Random) {
    while !shared.is_over() {
        let round = shared.round.read().await;
        let station = &shared.stations[random.below(shared.stations.len() as u64) as usize];
        let address = station
            .address
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        let address = address.split('/').next().unwrap_or("");
        if !address.is_empty() {
            let garbage: Vec<u8> = (0..random.below(400))
                .map(|_| random.next() as u8)
                .collect();
            let running = async {
                // A refused or reset connection is as good as a closed one.
                if let Ok(mut stream) = TcpStream::connect(address).await {
                    let _ = stream.write_all(&garbage).await;
                    let _ = stream.shutdown().await;
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
                Ok(())
            };
            shared.run("garbage", station.link, running).await;
        }
        drop(round);
        pause(&mut random, 100).await;
    }
}

/// Starts servers and nodes again.
async fn restart(shared: Arc<Shared>, mut random: Random) {
    while !shared.is_over() {
        let round = shared.round.read().await;
        let restarted: Outcome<()> = if random.below(3) == 0 {
            shared.mesh.restart_one(&mut random).await
        } else {
            let number = 1 + random.below(shared.stations.len() as u64 - 1) as usize;
            shared.stations[number].restart(random.below(2) == 0).await
        };
        if let Err(error) = restarted {
            shared.problem(&format!("cannot start again: {error}"));
        }
        drop(round);
        pause(&mut random, 1_500).await;
    }
}
