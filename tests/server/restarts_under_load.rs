//! A server is restarted ten times under 64 callers of every kind: calls, idempotent or not, one-way calls, and streams in
//! both directions. Orderly restarts lose nothing. When the server is killed, each call has a typed reason, and none runs
//! twice.
//!
//! The server is this test program in another process, which writes each call to a ledger.
#![cfg(feature = "process")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::stream::Receiver;
use chirp::{CallError, PeerBuilder, ReconnectingPeer, Server, StreamError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::server_process::{ADDRESS, LEDGER, ServerProcess};

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_mins(2);

const CALLERS: u64 = 64;
const RESTARTS: usize = 10;
/// The number of calls that succeed between two restarts.
const SUCCESSES: usize = 300;

#[chirp::service]
trait Ledger {
    async fn once(&self, number: u64) -> u64;
    #[chirp(idempotent)]
    async fn again(&self, number: u64) -> u64;
    #[chirp(oneway)]
    async fn note(&self, number: u64);
    async fn count(&self, number: u64) -> impl chirp::Stream<Item = u64>;
    async fn sum(&self, number: u64, parts: Receiver<u64>) -> u64;
}

struct FileLedger(File);

impl FileLedger {
    /// Records a call before anything else is done, and then takes a while.
    async fn record(&self, number: u64) {
        (&self.0).write_all(&number.to_be_bytes()).unwrap();
        tokio::time::sleep(Duration::from_millis(number % 4)).await;
    }
}

impl Ledger for FileLedger {
    async fn once(&self, number: u64) -> u64 {
        self.record(number).await;
        number
    }

    async fn again(&self, number: u64) -> u64 {
        self.once(number).await
    }

    async fn note(&self, number: u64) {
        self.record(number).await;
    }

    async fn count(&self, number: u64) -> impl chirp::Stream<Item = u64> {
        self.record(number).await;
        async_stream::stream! {
            for item in 0..3 {
                yield item;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    async fn sum(&self, number: u64, mut parts: Receiver<u64>) -> u64 {
        self.record(number).await;
        let mut sum = 0;
        while let Some(Ok(part)) = parts.recv().await {
            sum += part;
        }
        sum
    }
}

/// Serves until SIGTERM, once the address is free.
async fn serve(address: String) {
    let path = env::var_os(LEDGER).unwrap();
    let ledger = OpenOptions::new().append(true).open(path).unwrap();
    let server = Server::builder()
        .service(LedgerServer::new(FileLedger(ledger)))
        .shutdown_timeout(LONG);
    let server = loop {
        match server.clone().bind(&address).await {
            Ok(server) => break server,
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    let mut stop = signal(SignalKind::terminate()).unwrap();
    server.run_until(async { stop.recv().await }).await;
}

/// How a call ended: its number, whether it may be sent twice, and its error.
struct Ended {
    number: u64,
    idempotent: bool,
    one_way: bool,
    error: Option<CallError>,
}

fn call_error(error: StreamError) -> CallError {
    match error {
        StreamError::Call(error) => error,
        StreamError::ConnectionLost(reason) => CallError::ConnectionLost(reason),
        other => panic!("{other}"),
    }
}

async fn count(client: &LedgerClient, number: u64) -> Result<(), CallError> {
    let mut items = client.count(number).await?;
    for expected in 0..3 {
        match items.recv().await {
            Some(Ok(item)) => assert_eq!(item, expected),
            Some(Err(error)) => return Err(call_error(error)),
            None => panic!("the stream is cut"),
        }
    }
    match items.recv().await {
        None => Ok(()),
        Some(item) => Err(call_error(item.unwrap_err())),
    }
}

async fn sum(client: &LedgerClient, number: u64) -> Result<(), CallError> {
    let sum = client.sum(number, tokio_stream::iter(1..=3)).await?;
    assert_eq!(sum, 6);
    Ok(())
}

/// Calls until told to stop, and records how each call ended.
async fn call(
    link: ReconnectingPeer,
    caller: u64,
    succeeded: Arc<AtomicUsize>,
    stopped: watch::Receiver<bool>,
) -> Vec<Ended> {
    let client = LedgerClient::new(&link);
    let mut ends = Vec::new();
    let mut numbers = (caller << 32)..;
    while !*stopped.borrow() {
        let number = numbers.next().unwrap();
        let kind = caller % 5;
        let made = async {
            match kind {
                0 => client.once(number).await.map(drop),
                1 => client.again(number).await.map(drop),
                2 => client.note(number).await,
                3 => count(&client, number).await,
                _ => sum(&client, number).await,
            }
        };
        let made = tokio::time::timeout(LONG, made)
            .await
            .expect("every call ends");
        if kind == 2 {
            // Nothing slows these callers down, and the server would refuse calls as overloaded.
            tokio::time::sleep(Duration::from_millis(5)).await;
        } else if made.is_ok() {
            succeeded.fetch_add(1, Ordering::Relaxed);
        }
        ends.push(Ended {
            number,
            idempotent: kind == 1,
            one_way: kind == 2,
            error: made.err(),
        });
        tokio::task::yield_now().await;
    }
    ends
}

/// Restarts the server under load. Returns how the calls ended, and how often each ran.
async fn run(test: &str, orderly: bool) -> (Vec<Ended>, HashMap<u64, usize>) {
    let path = crate::support::socket_path();
    let address = format!("unix://{}", path.display());
    let ledger = env::temp_dir().join(format!("chirp-{test}-{}", std::process::id()));
    fs::write(&ledger, "").unwrap();
    let start = || ServerProcess::start(&format!("restarts_under_load::{test}"), &address, &ledger);

    let mut life = start();
    let link = PeerBuilder::new().reconnecting(&address).unwrap();
    let (stop, stopped) = watch::channel(false);
    let succeeded = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let succeeded = Arc::clone(&succeeded);
        callers.spawn(call(link.clone(), caller, succeeded, stopped.clone()));
    }
    let more = async |count: usize| {
        let before = succeeded.load(Ordering::Relaxed);
        let enough = async {
            while succeeded.load(Ordering::Relaxed) < before + count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, enough)
            .await
            .expect("traffic resumes");
    };
    for _ in 0..RESTARTS {
        more(SUCCESSES).await;
        if orderly {
            // The next server takes over the address while this one drains.
            life.terminate();
            let next = start();
            life.ended().await;
            life = next;
        } else {
            drop(life);
            life = start();
        }
    }
    more(SUCCESSES).await;
    stop.send(true).unwrap();
    let ends = callers.join_all().await.into_iter().flatten().collect();
    // One-way calls have been sent, but need not have run.
    drop(link);
    life.terminate();
    life.ended().await;
    let mut ran: HashMap<u64, usize> = HashMap::new();
    for number in fs::read(&ledger).unwrap().chunks(8) {
        let number = u64::from_be_bytes(number.try_into().unwrap());
        *ran.entry(number).or_default() += 1;
    }
    fs::remove_file(ledger).unwrap();
    let _ = fs::remove_file(path);
    (ends, ran)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_orderly_restarts_fail_no_call() {
    if let Ok(address) = env::var(ADDRESS) {
        return serve(address).await;
    }
    let (ends, ran) = run("ten_orderly_restarts_fail_no_call", true).await;
    let mut wrong = Vec::new();
    for Ended { number, error, .. } in &ends {
        let (caller, runs) = (number >> 32, ran.get(number));
        if error.is_some() || runs != Some(&1) {
            wrong.push(format!(
                "caller {caller}, kind {}, call {}: {error:?}, runs {runs:?}",
                caller % 5,
                number & 0xFFFF_FFFF
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?} of {}", ends.len());
    assert!(ends.len() > SUCCESSES * RESTARTS);
    assert_eq!(ran.len(), ends.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_kills_give_each_call_an_answer_or_a_reason() {
    if let Ok(address) = env::var(ADDRESS) {
        return serve(address).await;
    }
    let (ends, ran) = run("ten_kills_give_each_call_an_answer_or_a_reason", false).await;
    let mut lost = 0;
    for end in &ends {
        let number = end.number;
        let runs = ran.get(&number).copied().unwrap_or_default();
        if !end.idempotent {
            assert!(runs <= 1, "call {number:x} ran {runs} times");
        }
        match &end.error {
            // A one-way call may be lost without a word.
            None => assert!(runs > 0 || end.one_way, "call {number:x}"),
            Some(error) if error.may_have_run() => {
                assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
                lost += 1;
            }
            Some(_) => assert_eq!(runs, 0, "call {number:x}"),
        }
    }
    assert!(lost > 0 && ends.len() > SUCCESSES * RESTARTS);
}
