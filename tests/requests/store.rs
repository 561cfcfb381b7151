//! Gateways that are killed: no accepted request is lost, and none is answered under two IDs.
#![cfg(feature = "requests-store")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, OpenOptions};
use std::hash::BuildHasher;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations, RequestStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::hook_server::HookServer;

/// In the process of a gateway: its address, its folder, and the address of the hooks.
const ADDRESS: &str = "CHIRP_TEST_ADDRESS";
const FOLDER: &str = "CHIRP_TEST_FOLDER";
const HOOKS: &str = "CHIRP_TEST_HOOKS";
/// The method whose calls never end, in the process of a gateway that is to be killed while they run.
const HOLD: &str = "CHIRP_TEST_HOLD";

/// How often a gateway is killed under load.
const ROUNDS: &str = "CHIRP_CRASH_ROUNDS";

#[chirp::service]
trait Jobs {
    #[chirp(idempotent)]
    async fn double(&self, number: u64) -> u64;
    /// Notes down each run.
    async fn once(&self, number: u64) -> u64;
}

struct Worker {
    ledger: PathBuf,
    holds: Option<String>,
}

impl Worker {
    async fn work(&self, method: &str, number: u64) -> u64 {
        let mut ledger = OpenOptions::new();
        let ledger = ledger.append(true).create(true).open(&self.ledger);
        // One write, so that lines are whole.
        let line = format!("{method} {number}\n");
        ledger.unwrap().write_all(line.as_bytes()).unwrap();
        if self.holds.as_deref() == Some(method) {
            std::future::pending::<()>().await;
        }
        number * 2
    }
}

impl Jobs for Worker {
    async fn double(&self, number: u64) -> u64 {
        self.work("double", number).await
    }

    async fn once(&self, number: u64) -> u64 {
        self.work("once", number).await
    }
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("chirp-killed-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Returns the runs of methods, in order.
    fn ledger(&self) -> Vec<String> {
        let text = fs::read_to_string(ledger(&self.0)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn ledger(folder: &Path) -> PathBuf {
    folder.join("ledger")
}

/// A gateway in a process of its own, which is killed with SIGKILL on drop.
struct GatewayProcess(Child);

impl GatewayProcess {
    /// Starts this test of this program, which serves if it finds [`ADDRESS`].
    async fn start(test: &str, address: SocketAddr, folder: &Folder, hooks: &HookServer) -> Self {
        Self::start_holding(test, address, folder, hooks, "").await
    }

    async fn start_holding(
        test: &str,
        address: SocketAddr,
        folder: &Folder,
        hooks: &HookServer,
        held: &str,
    ) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", &format!("store::{test}")]);
        command.env(ADDRESS, address.to_string());
        command.env(FOLDER, &folder.0).env(HOLD, held);
        command.env(HOOKS, format!("http://{}", hooks.address));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Self(command.spawn().unwrap());
        while TcpStream::connect(address).await.is_err() {
            assert!(process.0.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        process
    }
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Serves, in the process of a gateway. Returns `false` in other processes.
async fn serves() -> bool {
    let Ok(address) = env::var(ADDRESS) else {
        return false;
    };
    let folder = PathBuf::from(env::var(FOLDER).unwrap());
    let worker = Worker {
        ledger: ledger(&folder),
        holds: env::var(HOLD).ok().filter(|held| !held.is_empty()),
    };
    let hooks = env::var(HOOKS).unwrap();
    let requests = DeferredRequests::new()
        .destinations(Destinations::new().allow(&hooks).unwrap())
        .backoff(Duration::from_millis(1), Duration::from_millis(50))
        .store(RequestStore::open(folder.join("requests")).unwrap());
    let gateway = Gateway::new().service(JobsServer::new(worker));
    let address = format!("http://{address}");
    let server = gateway.requests(requests).bind(&address).await;
    server.unwrap().run().await;
    true
}

/// Returns a free address.
async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Asks for a call, and returns the ID of the request, or `None` if there was no response.
async fn ask(
    gateway: SocketAddr,
    hook: &str,
    call: (&str, u64),
    key: Option<&str>,
) -> Option<String> {
    let (method, number) = call;
    let body = format!("[{number}]");
    let key = key.map(|key| format!("Idempotency-Key: \"{key}\"\r\n"));
    let request = format!(
        "POST /call/Jobs.{method} HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nChirp-Respond-To: {hook}\r\n{}Content-Length: {}\r\n\r\n{body}",
        key.unwrap_or_default(),
        body.len()
    );
    let mut socket = TcpStream::connect(gateway).await.ok()?;
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut response = String::new();
    socket.read_to_string(&mut response).await.ok()?;
    let body = response
        .strip_prefix("HTTP/1.1 202 ")?
        .split_once("\r\n\r\n")?
        .1;
    // The response may have been cut.
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body["id"].as_str().unwrap().to_owned())
}

/// Returns a number below `below`; different in every run.
fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

/// The requests that a load has made.
#[derive(Default)]
struct Load {
    next: AtomicU64,
    has_ended: AtomicBool,
    /// The IDs that were confirmed, with the numbers of their requests.
    accepted: Mutex<BTreeMap<String, u64>>,
}

impl Load {
    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Makes requests until the load ends. Every other one has a key, and is repeated until it is accepted.
    async fn run(&self, gateway: SocketAddr, hook: &str) {
        while !self.has_ended.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let method = if number % 4 < 2 { "double" } else { "once" };
            let key = number.is_multiple_of(2).then(|| format!("key-{number}"));
            loop {
                if let Some(id) = ask(gateway, hook, (method, number), key.as_deref()).await {
                    self.accepted.lock().unwrap().insert(id, number);
                    break;
                }
                if key.is_none() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_request_is_lost_when_its_gateway_is_killed_under_load() {
    if serves().await {
        return;
    }
    let name = "no_accepted_request_is_lost_when_its_gateway_is_killed_under_load";
    let rounds = env::var(ROUNDS).map_or(3, |rounds| rounds.parse().unwrap());
    let (folder, address) = (Folder::new(), free_address().await);
    let mut hooks = HookServer::start().await;
    let load = Arc::new(Load::default());
    let mut gateway = GatewayProcess::start(name, address, &folder, &hooks).await;
    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let (load, hook) = (Arc::clone(&load), hooks.url());
        clients.spawn(async move { load.run(address, &hook).await });
    }
    for _ in 0..rounds {
        let until = load.accepted() + usize::try_from(1 + random(100)).unwrap();
        while load.accepted() < until {
            tokio::task::yield_now().await;
        }
        drop(gateway);
        gateway = GatewayProcess::start(name, address, &folder, &hooks).await;
    }
    load.has_ended.store(true, Ordering::Relaxed);
    while clients.join_next().await.is_some() {}

    let mut posted: BTreeMap<String, Value> = BTreeMap::new();
    let mut repeated = 0;
    let accepted = load.accepted.lock().unwrap().clone();
    let mut missing: BTreeSet<_> = accepted.keys().cloned().collect();
    while !missing.is_empty() {
        let response = hooks.next().await;
        let id = response.header("webhook-id").to_owned();
        let body = response.json();
        assert_eq!(body["id"], *id);
        missing.remove(&id);
        if let Some(before) = posted.insert(id, body.clone()) {
            assert_eq!(before, body, "a repeated response is the same");
            repeated += 1;
        }
    }
    drop(gateway);
    println!(
        "{} requests were accepted in {rounds} rounds, {} answered, {repeated} of them more than once",
        accepted.len(),
        posted.len()
    );

    let runs = folder.ledger();
    let once: Vec<_> = runs.iter().filter(|run| run.starts_with("once")).collect();
    let different: BTreeSet<_> = once.iter().collect();
    assert_eq!(
        once.len(),
        different.len(),
        "a method that is not idempotent ran again"
    );
    let mut answered = BTreeMap::new();
    for (id, body) in &posted {
        let number = match (body["result"].as_u64(), accepted.get(id)) {
            (Some(result), accepted) => {
                let number = result / 2;
                assert!(
                    accepted.is_none_or(|accepted| *accepted == number),
                    "{body}"
                );
                number
            }
            (None, Some(accepted)) => {
                assert_eq!(body["error"]["name"], "Interrupted", "{body}");
                assert_eq!(accepted % 4 / 2, 1, "an idempotent call runs again: {body}");
                *accepted
            }
            // An interrupted call whose request was not confirmed.
            (None, None) => continue,
        };
        let other = answered.insert(number, id);
        assert_eq!(other, None, "request {number} was answered under two IDs");
    }
}

#[tokio::test]
async fn a_call_that_may_have_run_is_answered_as_interrupted_and_an_idempotent_one_runs_again() {
    if serves().await {
        return;
    }
    let name =
        "a_call_that_may_have_run_is_answered_as_interrupted_and_an_idempotent_one_runs_again";
    let mut hooks = HookServer::start().await;
    for (method, runs) in [("once", 1), ("double", 2)] {
        let (folder, address) = (Folder::new(), free_address().await);
        let gateway = GatewayProcess::start_holding(name, address, &folder, &hooks, method).await;
        let id = ask(address, &hooks.url(), (method, 21), Some("k"))
            .await
            .unwrap();
        while folder.ledger().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(gateway);
        let _gateway = GatewayProcess::start(name, address, &folder, &hooks).await;
        let response = hooks.next().await.json();
        assert_eq!(response["id"], *id);
        if method == "once" {
            assert_eq!(response["error"]["name"], "Interrupted");
        } else {
            assert_eq!(response["result"], json!(42));
        }
        let repeated = ask(address, &hooks.url(), (method, 21), Some("k")).await;
        assert_eq!(repeated, Some(id), "the key is known after the restart");
        assert_eq!(folder.ledger().len(), runs);
        assert!(hooks.is_quiet());
    }
}
