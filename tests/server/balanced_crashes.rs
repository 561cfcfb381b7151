//! Three servers, of which one after the other is killed and started again, under callers of a balanced client.
//!
//! The servers are this test program in other processes, which are killed with SIGKILL.
#![cfg(feature = "process")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::packet::ErrorData;
use chirp::{AsCaller, BalancedPeer, CallError, Request, Server};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::server_process::{ADDRESS, LEDGER, ServerProcess};

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_mins(1);

/// The test that is started as a server.
const TEST: &str = "balanced_crashes::a_killed_server_costs_no_call_that_is_safe_to_repeat";

const CALLERS: u64 = 32;
const KILLS: usize = 9;
/// The number of calls answered between two kills.
const ANSWERS: usize = 200;

/// Records each call of `once` before doing anything else.
async fn serve(address: String) {
    let path = env::var_os(LEDGER).unwrap();
    let ledger = OpenOptions::new().append(true).open(path).unwrap();
    let answer = |request: Request| async move {
        // Some calls are always running when the server is killed.
        let number = request.params()[7];
        tokio::time::sleep(Duration::from_millis((number % 3).into())).await;
        Ok::<_, ErrorData>(request.into_params())
    };
    let server = Server::builder()
        .handle("once", move |request: Request| {
            (&ledger).write_all(request.params()).unwrap();
            answer(request)
        })
        .handle("often", answer);
    server.bind(address).await.unwrap().run().await;
}

/// Calls both methods until told to stop, and records how each call of `once` ended.
async fn call(
    peer: BalancedPeer,
    caller: u64,
    answered: Arc<AtomicUsize>,
    stopped: watch::Receiver<bool>,
) -> Vec<(u64, Result<(), CallError>)> {
    let mut ends = Vec::new();
    for count in 0.. {
        if *stopped.borrow() {
            break;
        }
        let number = caller << 32 | count;
        let params = number.to_be_bytes();
        let often = peer.as_caller().call("often", params.to_vec()).idempotent();
        let often = tokio::time::timeout(LONG, often)
            .await
            .expect("every call ends");
        assert_eq!(often.expect("sent to another server")[..], params);
        let once = peer.as_caller().call("once", params.to_vec());
        let once = tokio::time::timeout(LONG, once)
            .await
            .expect("every call ends");
        answered.fetch_add(1, Ordering::Relaxed);
        ends.push((number, once.map(drop)));
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_costs_no_call_that_is_safe_to_repeat() {
    if let Ok(address) = env::var(ADDRESS) {
        return serve(address).await;
    }
    let paths = [(); 3].map(|()| crate::support::socket_path());
    let addresses = paths
        .each_ref()
        .map(|path| format!("unix://{}", path.display()));
    let ledger = env::temp_dir().join(format!("chirp-balanced-{}", std::process::id()));
    fs::write(&ledger, "").unwrap();
    let start = |address: &String| ServerProcess::start(TEST, address, &ledger);
    let mut servers: Vec<_> = addresses
        .iter()
        .map(|address| Some(start(address)))
        .collect();
    let peer = chirp::connect_any(&addresses).unwrap();
    let connected = async |count: usize| {
        let mut states = peer.watch();
        let reached = states.wait_for(|state| state.connected() == count);
        tokio::time::timeout(LONG, reached)
            .await
            .expect("connected")
            .unwrap();
    };
    connected(3).await;

    let (stop, stopped) = watch::channel(false);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let answered = Arc::clone(&answered);
        callers.spawn(call(peer.clone(), caller, answered, stopped.clone()));
    }
    let more = async |count: usize| {
        let before = answered.load(Ordering::Relaxed);
        let enough = async {
            while answered.load(Ordering::Relaxed) < before + count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, enough)
            .await
            .expect("traffic goes on");
    };
    for kill in 0..KILLS {
        more(ANSWERS).await;
        drop(servers[kill % 3].take());
        // The others take over.
        connected(2).await;
        more(ANSWERS).await;
        servers[kill % 3] = Some(start(&addresses[kill % 3]));
        connected(3).await;
    }
    stop.send(true).unwrap();
    let ends: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    drop(servers);

    let mut ran: HashMap<u64, usize> = HashMap::new();
    for number in fs::read(&ledger).unwrap().chunks(8) {
        let number = u64::from_be_bytes(number.try_into().unwrap());
        *ran.entry(number).or_default() += 1;
    }
    assert!(ran.values().all(|&times| times == 1), "none runs twice");
    let mut lost = 0;
    for (number, end) in &ends {
        match end {
            Ok(()) => assert!(ran.contains_key(number)),
            Err(error) => {
                // With another server connected, nothing else fails.
                assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
                assert!(error.may_have_run(), "{error}");
                lost += 1;
            }
        }
    }
    assert!(
        lost > 0 && ends.len() > ANSWERS * KILLS,
        "{lost} of {}",
        ends.len()
    );
    fs::remove_file(ledger).unwrap();
    for path in paths {
        // A server that was killed leaves its socket.
        let _ = fs::remove_file(path);
    }
}
