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

use axum::http::StatusCode;
use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations, RequestStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::gateway_client::send;
use crate::hook_server::HookServer;
use crate::support::in_time;

/// In the process of a gateway: its address, its folder, and the address of the hooks.
const ADDRESS: &str = "CHIRP_TEST_ADDRESS";
const FOLDER: &str = "CHIRP_TEST_FOLDER";
const HOOKS: &str = "CHIRP_TEST_HOOKS";
/// The method whose calls never end, in the process of a gateway that is to be killed while they run.
const HOLD: &str = "CHIRP_TEST_HOLD";

/// The number of times that a gateway is killed under load.
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
        let command = Command::new(env::current_exe().unwrap());
        Self::start_as(command, test, address, folder, hooks).await
    }

    /// Starts this test by a command, which may set more.
    async fn start_as(
        mut command: Command,
        test: &str,
        address: SocketAddr,
        folder: &Folder,
        hooks: &HookServer,
    ) -> Self {
        command.args(["--exact", &format!("store::{test}")]);
        command.env(ADDRESS, address.to_string());
        command.env(FOLDER, &folder.0);
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
    let hooks = env::var(HOOKS).unwrap();
    let gateway = gateway(&folder, &hooks, env::var(HOLD).ok());
    let server = gateway.bind(&format!("http://{address}")).await;
    server.unwrap().run().await;
    true
}

/// Returns a gateway with the file in this folder.
fn gateway(folder: &Path, hooks: &str, holds: Option<String>) -> Gateway {
    let worker = Worker {
        ledger: ledger(folder),
        holds,
    };
    let requests = DeferredRequests::new()
        .destinations(Destinations::new().allow(hooks).unwrap())
        .backoff(Duration::from_millis(1), Duration::from_millis(50))
        .store(RequestStore::open(folder.join("requests")).unwrap());
    Gateway::new()
        .service(JobsServer::new(worker))
        .requests(requests)
}

/// Returns a free address.
async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Asks for a call, and returns the ID of the request, or `None` if it was not accepted.
async fn ask(
    gateway: SocketAddr,
    hook: &str,
    (method, number): (&str, u64),
    key: Option<&str>,
) -> Option<String> {
    let body = format!("[{number}]");
    let (status, body) = post(gateway, hook, method, &body, key).await?;
    // The response may have been cut.
    let body: Value = serde_json::from_str(&body).ok()?;
    (status == 202).then(|| body["id"].as_str().unwrap().to_owned())
}

/// Asks for a call, and returns the status and the body, or `None` if there was no response.
async fn post(
    gateway: SocketAddr,
    hook: &str,
    method: &str,
    body: &str,
    key: Option<&str>,
) -> Option<(u16, String)> {
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
    let (head, body) = response.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
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
        let mut holding = Command::new(env::current_exe().unwrap());
        holding.env(HOLD, method);
        let gateway = GatewayProcess::start_as(holding, name, address, &folder, &hooks).await;
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

#[tokio::test]
async fn a_full_disk_refuses_requests_and_those_that_were_accepted_are_answered() {
    if serves().await {
        return;
    }
    let name = "a_full_disk_refuses_requests_and_those_that_were_accepted_are_answered";
    let (folder, address) = (Folder::new(), free_address().await);
    let mut hooks = HookServer::start().await;
    // Without the signal, a write beyond the limit is an error, as on a full disk. The unit is 512 bytes.
    let mut full = Command::new("sh");
    full.args(["-c", "trap '' XFSZ; ulimit -f 6144; exec \"$0\" \"$@\""]);
    full.arg(env::current_exe().unwrap()).env(HOLD, "double");
    let gateway = GatewayProcess::start_as(full, name, address, &folder, &hooks).await;
    let padding = " ".repeat(100_000);
    let mut accepted = BTreeMap::new();
    let mut number = 0;
    let refused = loop {
        number += 1;
        let body = format!("[{number}{padding}]");
        let response = post(address, &hooks.url(), "double", &body, None).await;
        let (status, body) = response.expect("the gateway answers");
        if status != 202 {
            break status;
        }
        let body: Value = serde_json::from_str(&body).unwrap();
        accepted.insert(body["id"].as_str().unwrap().to_owned(), number);
    };
    assert_eq!(refused, 503);
    assert!(!accepted.is_empty());
    drop(gateway);

    let _gateway = GatewayProcess::start(name, address, &folder, &hooks).await;
    let later = ask(address, &hooks.url(), ("double", 1000), None).await;
    accepted.insert(later.expect("there is room"), 1000);
    while !accepted.is_empty() {
        let response = hooks.next().await.json();
        let number = accepted.remove(response["id"].as_str().unwrap());
        let number: u64 = number.expect("only what was accepted is answered, and once");
        assert_eq!(response["result"], json!(number * 2));
    }
    let runs = folder.ledger();
    assert!(!runs.contains(&format!("double {number}")), "{runs:?}");
}

#[tokio::test]
async fn a_delivery_ends_when_a_full_disk_has_room_again() {
    if serves().await {
        return;
    }
    if Command::new("prlimit").arg("--version").output().is_err() {
        println!("skipped: there is no prlimit");
        return;
    }
    let name = "a_delivery_ends_when_a_full_disk_has_room_again";
    let (folder, address) = (Folder::new(), free_address().await);
    let mut hooks = HookServer::start().await;
    for _ in 0..100_000 {
        hooks.answer(StatusCode::SERVICE_UNAVAILABLE);
    }
    // Without the signal, a write beyond the limit is an error, as on a full disk.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    command.arg(env::current_exe().unwrap());
    let gateway = GatewayProcess::start_as(command, name, address, &folder, &hooks).await;
    let limit_files = |limit: &str| {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg(format!("--fsize={limit}:")).arg("--pid");
        let changed = prlimit.arg(gateway.0.id().to_string()).status().unwrap();
        assert!(changed.success());
    };
    let id = ask(address, &hooks.url(), ("once", 21), None)
        .await
        .unwrap();
    hooks.next().await;
    limit_files("0");
    hooks.take_back_answers().await;
    let (status, _) = post(address, &hooks.url(), "once", "[1]", None)
        .await
        .unwrap();
    assert_eq!(status, 503);

    limit_files("unlimited");
    in_time(async {
        let line = format!("GET /requests/{id}");
        loop {
            let status = send(address, &line, &[], "").await;
            if status.status == 200 {
                let status: Value = serde_json::from_slice(&status.body).unwrap();
                if status["state"] == "delivered" {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_shuts_down_leaves_open_requests_to_the_next_one() {
    let (folder, address) = (Folder::new(), free_address().await);
    let mut hooks = HookServer::start().await;
    let origin = format!("http://{}", hooks.address);
    let listen = format!("http://{address}");
    let first = gateway(&folder.0, &origin, Some("double".into()));
    let first = first.shutdown_timeout(Duration::from_millis(10));
    let first = first.bind(&listen).await.unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(first.run_until(async { ended.await.unwrap() }));
    let id = ask(address, &hooks.url(), ("double", 21), Some("k")).await;
    while folder.ledger().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    end.send(()).unwrap();
    in_time(serving).await.unwrap();
    assert!(hooks.is_quiet());

    let next = gateway(&folder.0, &origin, None);
    tokio::spawn(next.bind(&listen).await.unwrap().run());
    let response = hooks.next().await.json();
    assert_eq!(
        (&response["id"], &response["result"]),
        (&json!(id), &json!(42))
    );
    let repeated = ask(address, &hooks.url(), ("double", 21), Some("k")).await;
    assert_eq!(repeated, id);
}
