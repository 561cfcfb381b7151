//! A cluster of three with `JetStream` that loses one server after the other, under every kind of call.
//!
//! `CHIRP_NATS_SOAK=120 cargo test -p chirp-nats --test nats soak -- --nocapture` runs for 120 s and also looks at what the process has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use chirp::{CallError, PeerBuilder, RetryPolicy, Server};
use chirp_nats::{MulticastEnd, Nats, NatsOptions, NatsServer};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::support::{NatsProcess, subscriptions, until};

/// The time limit of each call.
const LIMIT: Duration = Duration::from_secs(10);

/// The time by which a busy machine may be late.
const LATE: Duration = Duration::from_secs(5);

/// Counts how often each call has run.
#[chirp::service]
trait Ledger {
    /// Books an entry. It must not be booked twice.
    async fn book(&self, id: u64) -> u64;

    /// Returns the number.
    #[chirp(idempotent)]
    async fn read(&self, id: u64) -> u64;

    /// Takes an entry that must not be lost.
    #[chirp(oneway)]
    async fn note(&self, id: u64);
}

#[derive(Clone, Default)]
struct Books(Arc<Mutex<Entries>>);

/// The number of times each entry was booked or noted. Small, since the test looks at the memory of the process.
#[derive(Default)]
struct Entries {
    booked: Vec<u8>,
    noted: Vec<u8>,
}

fn add(entries: &mut Vec<u8>, id: u64) {
    let at = usize::try_from(id).expect("a small number");
    entries.resize(entries.len().max(at + 1), 0);
    entries[at] += 1;
}

impl Ledger for Books {
    async fn book(&self, id: u64) -> u64 {
        add(&mut self.entries().booked, id);
        // Some calls run while their server of NATS is killed.
        tokio::time::sleep(Duration::from_millis(id % 4)).await;
        id
    }

    async fn read(&self, id: u64) -> u64 {
        id
    }

    async fn note(&self, id: u64) {
        add(&mut self.entries().noted, id);
    }
}

impl Books {
    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().expect("no panic")
    }
}

/// The numbers of what was done, which all callers share.
#[derive(Default)]
struct Tally {
    next: AtomicU64,
    answered: AtomicU64,
    plain: AtomicU64,
    stored: AtomicU64,
    gathered: AtomicU64,
    streamed: AtomicU64,
    over: AtomicBool,
    failed: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    fn runs(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    fn id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    fn fail(&self, kind: &str, error: &impl std::fmt::Display) {
        // Numbers of messages make no difference.
        let error = error.to_string().replace(|c: char| c.is_ascii_digit(), "");
        let mut failed = self.failed.lock().expect("no panic");
        *failed.entry(format!("{kind}: {error}")).or_default() += 1;
    }
}

fn count(of: &AtomicU64) -> u64 {
    of.load(Ordering::SeqCst)
}

/// Panics if a call has failed for a reason that no outage has.
fn check(error: &CallError) {
    let expected = matches!(
        error,
        CallError::ConnectionLost(_)
            | CallError::DeadlineExceeded { .. }
            | CallError::NotConnected(_)
    );
    assert!(expected, "{error:?}");
}

/// The result of a call, which must have come within its time.
async fn in_time<T>(call: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(LIMIT + LATE, call).await;
    result.expect("every call has an answer or a reason within its time")
}

/// Calls that must not run twice. Those that failed may have run.
async fn book(nats: Nats, tally: Arc<Tally>) {
    let ledger = LedgerClient::new(&nats)
        .with_timeout(LIMIT)
        .with_retry(&RetryPolicy::new().attempts(1_000));
    while tally.runs() {
        let id = tally.id();
        match in_time(async { ledger.book(id).await }).await {
            Ok(booked) => {
                assert_eq!(booked, id);
                tally.answered.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                check(&error);
                tally.fail("book", &error);
            }
        }
    }
}

/// Entries that are stored until they have run.
async fn note(nats: Nats, tally: Arc<Tally>) -> Vec<u64> {
    let ledger = LedgerClient::new(&nats.durable());
    let mut stored = Vec::new();
    while tally.runs() {
        let id = tally.id();
        match in_time(async { ledger.note(id).await }).await {
            Ok(()) => {
                stored.push(id);
                tally.stored.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                check(&error);
                tally.fail("note", &error);
            }
        }
    }
    stored
}

/// A request as the program `nats request` makes it.
async fn request(plain: async_nats::Client, tally: Arc<Tally>) {
    while tally.runs() {
        let id = tally.id();
        match in_time(plain.request("Ledger.read", format!("[{id}]").into())).await {
            Ok(response) => {
                assert_eq!(response.payload, id.to_string());
                tally.plain.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => tally.fail("request", &error),
        }
    }
}

async fn gather(nats: Nats, tally: Arc<Tally>) {
    while tally.runs() {
        let id = tally.id();
        let all = nats.everyone().gather(LedgerClient::unbound().read(id));
        match in_time(async { all.expect(3).timeout(Duration::from_secs(1)).await }).await {
            Ok(all) => {
                assert!(all.answers.len() <= 3);
                let complete = all.end == MulticastEnd::Expected;
                assert_eq!(complete, all.answers.len() == 3);
                for answer in all.answers {
                    assert_eq!(answer.result, Ok(id));
                }
                tally
                    .gathered
                    .fetch_add(u64::from(complete), Ordering::SeqCst);
            }
            Err(error) => {
                check(&error);
                tally.fail("gather", &error);
            }
        }
    }
}

/// Calls through a connection, which is made again when it has ended.
async fn stream(nats: Nats, tally: Arc<Tally>) {
    let peers = PeerBuilder::new().scheme("nats", nats.scheme());
    while tally.runs() {
        let peer = match in_time(peers.connect("nats://ledger")).await {
            Ok(peer) => peer,
            Err(error) => {
                tally.fail("connect", &error);
                continue;
            }
        };
        let ledger = LedgerClient::new(&peer).with_timeout(LIMIT);
        while tally.runs() {
            let id = tally.id();
            match in_time(async { ledger.read(id).await }).await {
                Ok(read) => {
                    assert_eq!(read, id);
                    tally.streamed.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => {
                    check(&error);
                    tally.fail("stream", &error);
                    break;
                }
            }
        }
        peer.close();
        peer.closed().await;
    }
}

/// The memory of the process in KiB, and its descriptors.
fn resources() -> Option<(u64, usize)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let memory = memory.trim().trim_end_matches(" kB").parse().ok()?;
    Some((memory, std::fs::read_dir("/proc/self/fd").ok()?.count()))
}

async fn stream_of_notes(addresses: &str) -> jetstream::stream::Stream {
    let client = async_nats::connect(addresses.split(',').collect::<Vec<_>>());
    let context = jetstream::new(client.await.expect("connected"));
    loop {
        let config = jetstream::stream::Config {
            name: "NOTES".to_owned(),
            subjects: vec!["_chirp.durable.>".to_owned()],
            retention: jetstream::stream::RetentionPolicy::WorkQueue,
            num_replicas: 3,
            ..jetstream::stream::Config::default()
        };
        // The cluster elects a leader first.
        if let Ok(stream) = context.get_or_create_stream(config).await {
            return stream;
        }
    }
}

/// The addresses of all servers, in another order for each.
fn rotated(cluster: &[NatsProcess; 3], first: usize) -> String {
    let addresses = (0..3).map(|at| cluster[(first + at) % 3].address());
    addresses.collect::<Vec<_>>().join(",")
}

async fn connect(cluster: &[NatsProcess; 3], name: &str, first: usize) -> Nats {
    let options = NatsOptions::new().name(format!("{name}-{first}"));
    options
        .connect(rotated(cluster, first))
        .await
        .expect("connected")
}

/// The servers of the ledger: three, each for calls, for notes and for connections.
struct Hosts {
    nats: Vec<Nats>,
    servers: Vec<NatsServer>,
    channels: JoinSet<()>,
    closing: watch::Sender<bool>,
}

impl Hosts {
    async fn start(cluster: &[NatsProcess; 3], books: &Books) -> Self {
        let (closing, closed) = watch::channel(false);
        let mut hosts = Self {
            nats: Vec::new(),
            servers: Vec::new(),
            channels: JoinSet::new(),
            closing,
        };
        for at in 0..3 {
            let nats = connect(cluster, "host", at).await;
            let server = nats.server().service(LedgerServer::new(books.clone()));
            let server = server.durable("NOTES").start().await;
            hosts.servers.push(server.expect("started"));
            let server = Server::builder()
                .scheme("nats", nats.scheme())
                .service(LedgerServer::new(books.clone()));
            let server = server.bind("nats://ledger").await.expect("bound");
            let mut closed = closed.clone();
            hosts.channels.spawn(server.run_until(async move {
                // The sender is dropped only after it has told.
                let _ = closed.wait_for(|closed| *closed).await;
            }));
            hosts.nats.push(nats);
        }
        hosts
    }

    /// Waits until nothing is left of the calls.
    async fn idle(&self) {
        for (server, nats) in self.servers.iter().zip(&self.nats) {
            until(|| server.running_calls() == 0).await;
            server.ready().await.expect("ready");
            assert_eq!(nats.pending_calls(), 0);
        }
    }

    async fn close(mut self) {
        self.closing.send_replace(true);
        while let Some(channel) = self.channels.join_next().await {
            channel.expect("no panic");
        }
        for server in self.servers {
            server.close().await.expect("closed");
        }
    }
}

/// The callers of the ledger.
struct Callers {
    nats: Vec<Nats>,
    calling: JoinSet<()>,
    noting: JoinSet<Vec<u64>>,
}

impl Callers {
    async fn start(cluster: &[NatsProcess; 3], tally: &Arc<Tally>) -> Self {
        let mut callers = Self {
            nats: Vec::new(),
            calling: JoinSet::new(),
            noting: JoinSet::new(),
        };
        for at in 0..4 {
            callers.nats.push(connect(cluster, "caller", at).await);
        }
        let nats = |at: usize| callers.nats[at].clone();
        let tally = || Arc::clone(tally);
        for at in 0..256 {
            callers.calling.spawn(book(nats(at % 3), tally()));
        }
        for _ in 0..8 {
            callers.noting.spawn(note(nats(3), tally()));
            callers.calling.spawn(stream(nats(3), tally()));
        }
        callers.calling.spawn(gather(nats(0), tally()));
        for at in 0..3 {
            let servers = rotated(cluster, at);
            let plain = async_nats::connect(servers.split(',').collect::<Vec<_>>());
            let plain = plain.await.expect("connected");
            callers.calling.spawn(request(plain, tally()));
        }
        callers
    }

    /// Waits until all have ended. Returns the notes that were stored.
    async fn end(&mut self) -> Vec<u64> {
        while let Some(caller) = self.calling.join_next().await {
            caller.expect("only typed reasons");
        }
        let mut stored = Vec::new();
        while let Some(notes) = self.noting.join_next().await {
            stored.extend(notes.expect("only typed reasons"));
        }
        for nats in &self.nats {
            assert_eq!(nats.pending_calls(), 0);
            nats.flush().await.expect("flushed");
        }
        stored
    }
}

/// Waits until calls and requests are answered.
async fn progress(tally: &Tally, state: &str) {
    let numbers = || [&tally.answered, &tally.plain].map(count);
    let [calls, requests] = numbers();
    let goes_on = || {
        let now = numbers();
        now[0] > calls + 500 && now[1] > requests + 20
    };
    let goes_on = tokio::time::timeout(Duration::from_mins(1), until(goes_on)).await;
    assert!(goes_on.is_ok(), "no calls are answered: {state}");
}

/// Compares how often entries were booked and noted with what callers know.
async fn check_entries(books: &Books, tally: &Tally, stored: &[u64]) {
    until(|| {
        let entries = books.entries();
        let times = |id: &u64| entries.noted.get(usize::try_from(*id).ok()?);
        let mut stored = stored.iter();
        stored.all(|id| times(id).is_some_and(|times| *times > 0))
    })
    .await;
    let entries = books.entries();
    let repeated = entries.noted.iter().filter(|times| **times > 1).count();
    let failed = tally.failed.lock().expect("no panic");
    println!("notes that ran more than once: {repeated}; failed: {failed:#?}");
    let mut booked = entries.booked.iter();
    assert!(booked.all(|times| *times <= 1), "none ran twice");
    // Calls that failed may have run.
    let booked: u64 = entries.booked.iter().copied().map(u64::from).sum();
    let failed = failed.iter().filter(|(kind, _)| kind.starts_with("book"));
    let failed: u64 = failed.map(|(_, times)| times).sum();
    let answered = count(&tally.answered);
    assert!((answered..=answered + failed).contains(&booked), "{booked}");
}

/// Every call has an answer or a typed reason within its time, none that is not idempotent runs twice, durable ones run at
/// least once, clients that are not Chirp's are answered all along, and nothing is left on either side.
#[tokio::test(flavor = "multi_thread")]
async fn services_survive_a_cluster_that_loses_its_servers() {
    let long = std::env::var("CHIRP_NATS_SOAK").ok();
    let seconds = long.as_deref().map(|text| text.parse().expect("seconds"));
    let time = Duration::from_secs(seconds.unwrap_or(10));
    let Some((mut cluster, monitoring)) = NatsProcess::jetstream_cluster() else {
        return;
    };
    let notes = stream_of_notes(&rotated(&cluster, 0)).await;
    let runtime = tokio::runtime::Handle::current().metrics();
    let tasks = runtime.num_alive_tasks();
    let descriptors = resources().map(|(_, descriptors)| descriptors);
    let (books, tally) = (Books::default(), Arc::new(Tally::default()));
    let hosts = Hosts::start(&cluster, &books).await;
    let mut callers = Callers::start(&cluster, &tally).await;
    let begin = Instant::now();
    let (mut kills, mut first) = (0, None);
    while begin.elapsed() < time {
        progress(&tally, "all servers of NATS run").await;
        let victim = &mut cluster[kills % 3];
        victim.kill();
        progress(&tally, "one server of NATS is killed").await;
        assert!(victim.restart());
        progress(&tally, "it was restarted").await;
        kills += 1;
        if kills == 3 {
            first = resources();
        }
    }
    let last = resources();
    tally.over.store(true, Ordering::SeqCst);
    let stored = callers.end().await;
    let numbers = [
        &tally.answered,
        &tally.stored,
        &tally.plain,
        &tally.gathered,
        &tally.streamed,
    ]
    .map(count);
    println!(
        "servers killed: {kills}; calls answered, notes stored, requests of NATS, multicasts, calls through connections: {numbers:?}"
    );
    println!("memory in KiB and descriptors after three kills and at the end: {first:?} {last:?}");
    assert!(numbers.iter().all(|number| *number > 0), "{numbers:?}");
    check_entries(&books, &tally, &stored).await;
    hosts.idle().await;
    // A caller has one subscription of its own, and one of the client of NATS for acknowledgements.
    until(|| {
        let all = monitoring.map(subscriptions).into_iter().flatten();
        let mut all = all.filter(|(name, _)| name.starts_with("caller"));
        all.all(|(_, subscriptions)| subscriptions <= 2)
    })
    .await;
    // Servers of NATS that were killed may keep messages in the stream that were acknowledged, so the consumer is asked.
    loop {
        let name = "chirp-q-_chirp-durable-Ledger-note";
        let consumer = notes.consumer_info(name).await;
        if consumer.is_ok_and(|info| info.num_pending == 0 && info.num_ack_pending == 0) {
            break;
        }
    }
    hosts.close().await;
    drop(callers);
    until(|| runtime.num_alive_tasks() <= tasks).await;
    // Other tests of this process have memory and descriptors, too.
    if let (true, Some((before, _)), Some((after, _))) = (long.is_some(), first, last) {
        assert!(
            after < before + before / 2,
            "memory grows: {before} KiB, then {after} KiB"
        );
        until(|| resources().map(|(_, descriptors)| descriptors) <= descriptors).await;
    }
}
