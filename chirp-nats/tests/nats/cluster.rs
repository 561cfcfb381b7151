use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chirp::{CallError, RetryPolicy};
use chirp_nats::NatsOptions;

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, until};

/// The number of times that a server is killed and restarted.
fn rounds() -> usize {
    let rounds = std::env::var("CHIRP_NATS_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

/// One server of three is killed and restarted in a loop under 256 callers: every call has an answer or a typed reason
/// within its deadline, no call runs twice, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_loses_a_server_again_and_again() {
    let Some(mut cluster) = NatsProcess::cluster() else {
        return;
    };
    let addresses = cluster.each_ref().map(NatsProcess::address);
    let rotated = |first: usize| {
        let addresses = (0..3).map(|at| &*addresses[(first + at) % 3]);
        addresses.collect::<Vec<_>>().join(",")
    };
    let connect = async |first: usize| {
        let nats = NatsOptions::new().connect(rotated(first)).await;
        nats.expect("connected")
    };
    let calculator = Calculator::default();
    let mut connections = Vec::new();
    let mut servers = Vec::new();
    for at in 0..3 {
        let nats = connect(at).await;
        let server = nats
            .server()
            .service(ArithServer::new(calculator.clone()))
            .start();
        servers.push(server.await.expect("started"));
        connections.push(nats);
    }
    let calling = [connect(0).await, connect(1).await, connect(2).await];
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let failed = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    let policy = RetryPolicy::new().attempts(1_000);
    let callers: Vec<_> = (0..256)
        .map(|at| {
            let arith = ArithClient::new(&calling[at % 3]).with_retry(&policy);
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            let failed = Arc::clone(&failed);
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    // Not idempotent.
                    let result = arith.sleep(1).await;
                    assert!(
                        begin.elapsed() < Duration::from_secs(15),
                        "10 s is the limit"
                    );
                    match result {
                        Ok(value) => {
                            assert_eq!(value, 1);
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(
                            error @ (CallError::ConnectionLost(_)
                            | CallError::DeadlineExceeded { .. }
                            | CallError::NotConnected(_)),
                        ) => {
                            let mut failed = failed.lock().expect("no panic");
                            *failed.entry(error.to_string()).or_default() += 1;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        })
        .collect();
    let plain = async_nats::connect(addresses.as_slice())
        .await
        .expect("connected");
    for round in 0..rounds() {
        let before = answered.load(Ordering::SeqCst);
        until(|| answered.load(Ordering::SeqCst) > before + 2_000).await;
        let victim = &mut cluster[round % 3];
        victim.kill();
        // The others go on.
        let before = answered.load(Ordering::SeqCst);
        until(|| answered.load(Ordering::SeqCst) > before + 2_000).await;
        assert!(victim.restart());
        for nats in connections.iter().chain(&calling) {
            until(|| nats.is_connected()).await;
        }
        // Any client is answered, too.
        let mut response = plain.request("Arith.caller", "".into()).await;
        while response.is_err() {
            response = plain.request("Arith.caller", "".into()).await;
        }
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("only typed reasons");
    }
    let answered = answered.load(Ordering::SeqCst);
    let failed: HashMap<_, _> = failed.lock().expect("no panic").clone();
    println!("{answered} calls were answered; failed: {failed:?}");
    let failures: usize = failed.values().sum();
    let started = calculator.started();
    // A call that failed may have run, and none has run twice.
    assert!(
        (answered..=answered + failures).contains(&started),
        "{started}"
    );
    for server in &servers {
        until(|| server.running_calls() == 0).await;
        server.ready().await.expect("ready");
    }
    for nats in calling.iter().chain(&connections) {
        assert_eq!(nats.pending_calls(), 0);
    }
}
