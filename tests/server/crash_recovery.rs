//! A server is killed and restarted repeatedly under 64 callers.
//!
//! The server is this test program in another process, which is killed with SIGKILL. With `CHIRP_KILLED=show` the test
//! prints how long it took until calls were answered again.
#![cfg(feature = "process")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chirp::packet::ErrorData;
use chirp::{AsCaller, CallError, PeerBuilder, ReconnectingPeer, Request, Server};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::server_process::{ADDRESS, LEDGER, ServerProcess};

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

/// The test that is started as a server.
const TEST: &str = "crash_recovery::every_call_has_an_answer_or_a_reason";

const CALLERS: u64 = 64;
const KILLS: usize = 10;
/// The number of calls answered between two kills.
const ANSWERS: usize = 500;

/// Records each call before doing anything else.
async fn serve(address: String) {
    let path = env::var_os(LEDGER).unwrap();
    let ledger = OpenOptions::new().append(true).open(path).unwrap();
    let server = Server::builder().handle("once", move |request: Request| {
        (&ledger).write_all(request.params()).unwrap();
        let number = request.params()[7];
        async move {
            // Some calls are always running when the server is killed.
            tokio::time::sleep(Duration::from_millis((number % 3).into())).await;
            Ok::<_, ErrorData>(request.into_params())
        }
    });
    server.bind(address).await.unwrap().run().await;
}

/// Calls until told to stop, and records how each call ended.
async fn call(
    link: ReconnectingPeer,
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
        let answer = link.as_caller().call("once", params.to_vec());
        let answer = tokio::time::timeout(LONG, answer)
            .await
            .expect("every call ends");
        if let Ok(answer) = &answer {
            assert_eq!(answer[..], params);
            answered.fetch_add(1, Ordering::Relaxed);
        }
        ends.push((number, answer.map(drop)));
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_has_an_answer_or_a_reason() {
    if let Ok(address) = env::var(ADDRESS) {
        return serve(address).await;
    }
    let path = crate::support::socket_path();
    let address = format!("unix://{}", path.display());
    let ledger = env::temp_dir().join(format!("chirp-ledger-{}", std::process::id()));
    fs::write(&ledger, "").unwrap();
    let start = || ServerProcess::start(TEST, &address, &ledger);

    let mut life = start();
    let link = PeerBuilder::new().reconnecting(&address).unwrap();
    let (stop, stopped) = watch::channel(false);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let answered = Arc::clone(&answered);
        callers.spawn(call(link.clone(), caller, answered, stopped.clone()));
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
            .expect("traffic resumes");
    };
    for _ in 0..KILLS {
        more(ANSWERS).await;
        drop(life);
        let begun = Instant::now();
        life = start();
        more(1).await;
        if env::var_os("CHIRP_KILLED").is_some() {
            println!("answered {:?} after it was started again", begun.elapsed());
        }
    }
    more(ANSWERS).await;
    stop.send(true).unwrap();
    let ends: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    drop(life);

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
            Err(error) if error.may_have_run() => {
                assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
                lost += 1;
            }
            Err(_) => assert!(!ran.contains_key(number)),
        }
    }
    assert!(
        lost > 0 && ends.len() > ANSWERS * KILLS,
        "{lost} of {}",
        ends.len()
    );
    fs::remove_file(ledger).unwrap();
    fs::remove_file(path).unwrap();
}
