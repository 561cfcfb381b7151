use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chirp::packet::FrameworkError;
use chirp::{CallError, RetryPolicy};

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, until};

/// Servers come and go under 64 callers, and no call is lost: no error but *no responders*, which says that nothing was sent.
#[tokio::test(flavor = "multi_thread")]
async fn closing_loses_no_request() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculator = Calculator::default();
    let start = || {
        hosting
            .server()
            .service(ArithServer::new(calculator.clone()))
            .start()
    };
    let mut server = start().await.expect("started");
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let arith = ArithClient::new(&calling).with_retry(&RetryPolicy::new().attempts(100));
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    // Not idempotent: only calls that did not run are repeated.
                    assert_eq!(arith.divide(6, 2).await, Ok(3));
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        let before = answered.load(Ordering::SeqCst);
        until(|| answered.load(Ordering::SeqCst) > before + 200).await;
        let next = start().await.expect("started");
        server.close().await.expect("closed");
        server = next;
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no call failed");
    }
    assert_eq!(
        calculator.started(),
        answered.load(Ordering::SeqCst),
        "each call ran once"
    );
    server.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_handlers_within_its_timeout() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculator = Calculator::default();
    let builder = || {
        hosting
            .server()
            .service(ArithServer::new(calculator.clone()))
    };
    let arith = ArithClient::new(&calling);
    let server = builder().start().await.expect("started");
    let running = arith.wait().start();
    until(|| calculator.waiting() == 1).await;
    let closing = tokio::spawn(server.close());
    let refused = async {
        loop {
            match arith.sum_diff(1, 2).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        }
    };
    assert!(matches!(refused.await, CallError::NotConnected(_)));
    calculator.0.release.notify_one();
    assert_eq!(running.await, Ok(0));
    closing.await.expect("no panic").expect("closed");

    let server = builder()
        .shutdown_timeout(Duration::from_millis(50))
        .start();
    let server = server.await.expect("started");
    let running = arith.wait().start();
    until(|| calculator.waiting() == 1).await;
    server.close().await.expect("closed");
    let error = running.await.expect_err("interrupted");
    let CallError::Rejected {
        reason: FrameworkError::NoReply,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(calculator.waiting(), 0);
}

/// One-way calls have no answer that would show their loss.
#[tokio::test(flavor = "multi_thread")]
async fn one_way_calls_before_the_end_are_run() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculator = Calculator::default();
    let server = hosting
        .server()
        .service(ArithServer::new(calculator.clone()))
        .start();
    let server = server.await.expect("started");
    let arith = ArithClient::new(&calling);
    for _ in 0..1_000 {
        arith.note(1).await.expect("sent");
    }
    // The server of NATS has all of them when it has answered this call.
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    server.close().await.expect("closed");
    assert_eq!(calculator.notes(), 1_000);
}
