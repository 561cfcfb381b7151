//! Measures calls to many nodes, and meshes of nodes, and writes `results/mesh.*`.
//!
//! ```text
//! mesh                             everything
//! mesh quick                       fewer and shorter rounds, which are printed and not written
//! mesh host INDEX OF COUNT FOLDER  some nodes of a mesh, in a process of their own, controlled by its input
//! ```

use std::alloc::System as SystemHeap;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use chirp::Node;
use chirp_bench::cargo;
use chirp_bench::record::{Metric, Record};
use chirp_bench::report::{Results, figure};
use chirp_bench::system::Result;
use futures::future::{join_all, try_join_all};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::runtime::Builder;

#[global_allocator]
static HEAP: &StatsAlloc<SystemHeap> = &INSTRUMENTED_SYSTEM;

/// The numbers of nodes that are called at once.
const TARGETS: [usize; 3] = [10, 100, 500];

/// The numbers of nodes of a mesh.
const MESHES: [usize; 4] = [10, 50, 100, 200];

/// The processes of a mesh: the number of descriptors of one process is limited.
const PROCESSES: usize = 4;

/// No mesh needs so long.
const PATIENCE: Duration = Duration::from_mins(2);

#[chirp::service]
trait Member {
    async fn add(&self, a: u64, b: u64) -> u64;
    async fn configure(&self, settings: &[(String, String)]) -> u64;
}

struct Counter;

impl Member for Counter {
    async fn add(&self, a: u64, b: u64) -> u64 {
        a + b
    }

    async fn configure(&self, settings: &[(String, String)]) -> u64 {
        settings.len() as u64
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["quick"] => {
            let rounds = if words.is_empty() { 11 } else { 3 };
            let records = measure(rounds)?;
            if words.is_empty() {
                let folder = cargo::package().join("results");
                Results::of(records).save_mesh(&folder)?;
            }
            Ok(())
        }
        ["host", index, of, count, folder] => {
            let host = Host {
                index: index.parse()?,
                of: of.parse()?,
                count: count.parse()?,
                folder: folder.into(),
            };
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(host.run())
        }
        _ => Err("usage: mesh [quick]".into()),
    }
}

fn measure(rounds: usize) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for count in TARGETS {
        // In a task, like the callers of a real program.
        let measured = two.block_on(async { tokio::spawn(call_many(count, rounds)).await });
        records.extend(measured??);
    }
    drop(two);
    let one = Builder::new_current_thread().enable_all().build()?;
    for count in TARGETS {
        records.push(one.block_on(count_allocations(count))?);
    }
    for count in MESHES {
        records.extend(one.block_on(form(count, rounds.min(3)))?);
    }
    for record in &records {
        let title = record.metric.title();
        println!(
            "{:<40} {:<16} {:>10} {title}",
            record.case,
            record.system,
            figure(record.median)
        );
    }
    Ok(records)
}

// Calls to many nodes.

/// A node that has dialled others in this process.
struct Hub {
    node: Node,
    _others: Vec<Node>,
    _folder: Folder,
}

impl Hub {
    async fn connect(count: usize) -> Result<Self> {
        let folder = Folder::new()?;
        let mut others = Vec::new();
        for number in 0..count {
            others.push(start(number, &folder.0).await?);
        }
        let node = dial_all(count, &folder.0).await?;
        Ok(Self {
            node,
            _others: others,
            _folder: folder,
        })
    }
}

/// Returns the time of one multicast in microseconds. A macro: with an async closure the future would not be `Send`.
macro_rules! per_multicast {
    ($multicast:block) => {{
        let begin = Instant::now();
        let mut count = 0_u32;
        while begin.elapsed() < Duration::from_millis(100) {
            $multicast
            count += 1;
        }
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(count)
    }};
}

async fn call_many(count: usize, rounds: usize) -> Result<Vec<Record>> {
    let hub = Hub::connect(count).await?;
    let names: Vec<String> = (0..count).map(name).collect();
    let clients: Vec<MemberClient> = names
        .iter()
        .map(|name| MemberClient::new(&hub.node.peer(name)))
        .collect();
    let mut of_peers = Vec::new();
    for name in &names {
        of_peers.push(MemberClient::new(&hub.node.peer(name).ready().await?));
    }
    let settings: Vec<(String, String)> = (0..50)
        .map(|number| {
            let (key, value) = (
                format!("service.module.setting-{number}"),
                format!("value {number}"),
            );
            (key, value)
        })
        .collect();
    let template = MemberClient::unbound();

    let [mut small, mut large] = [const { [const { Vec::new() }; 3] }; 2];
    for round in 0..=rounds {
        let measured = [
            per_multicast!({
                let answers = hub.node.all().gather(template.add(1, 2)).await;
                all_are(count, answers.into_iter().map(|answer| answer.result), 3);
            }),
            per_multicast!({
                let answers = join_all(clients.iter().map(|client| client.add(1, 2))).await;
                all_are(count, answers, 3);
            }),
            per_multicast!({
                let answers = join_all(of_peers.iter().map(|client| client.add(1, 2))).await;
                all_are(count, answers, 3);
            }),
        ];
        let measured_large = [
            per_multicast!({
                let call = template.configure(&settings);
                let answers = hub.node.all().gather(call).await;
                all_are(count, answers.into_iter().map(|answer| answer.result), 50);
            }),
            per_multicast!({
                let answers = clients.iter().map(|client| client.configure(&settings));
                all_are(count, join_all(answers).await, 50);
            }),
            per_multicast!({
                let answers = of_peers.iter().map(|client| client.configure(&settings));
                all_are(count, join_all(answers).await, 50);
            }),
        ];
        // The first round is a warm-up.
        if round > 0 {
            for (all, one) in small.iter_mut().zip(measured) {
                all.push(one);
            }
            for (all, one) in large.iter_mut().zip(measured_large) {
                all.push(one);
            }
        }
    }
    let mut records = Vec::new();
    for (case, values) in [("two numbers", small), ("50 settings", large)] {
        let systems = ["gather", "join_all", "join_all of peers"];
        for (system, values) in systems.into_iter().zip(values) {
            let case = format!("{case} to {count} nodes");
            records.push(Record::new("calls", case, system, Metric::P50, values));
        }
    }
    Ok(records)
}

fn all_are<E>(
    count: usize,
    answers: impl IntoIterator<Item = std::result::Result<u64, E>>,
    expected: u64,
) {
    let right = answers
        .into_iter()
        .filter(|answer| matches!(answer, Ok(value) if *value == expected));
    assert_eq!(right.count(), count, "every node answers");
}

/// Counts the allocations of the calling process.
async fn count_allocations(count: usize) -> Result<Record> {
    const MULTICASTS: usize = 50;
    let folder = Folder::new()?;
    let mut host = HostProcess::start(0, 1, count, &folder.0)?;
    host.expect("ready").await?;
    let hub = dial_all(count, &folder.0).await?;
    let template = MemberClient::unbound();
    let targets = hub.all();
    let multicast = async || {
        let answers = targets.gather(template.add(1, 2)).await;
        black_box(&answers);
        all_are(count, answers.into_iter().map(|answer| answer.result), 3);
    };
    for _ in 0..MULTICASTS {
        multicast().await;
    }
    let before = allocations();
    for _ in 0..MULTICASTS {
        multicast().await;
    }
    let per_target = (allocations() - before) as f64 / (MULTICASTS * count) as f64;
    hub.close();
    host.end().await?;
    Ok(Record::new(
        "calls",
        format!("two numbers to {count} nodes, per target"),
        "gather",
        Metric::Allocations,
        vec![per_target],
    ))
}

// Meshes.

/// Forms a mesh of nodes in several processes.
async fn form(count: usize, rounds: usize) -> Result<Vec<Record>> {
    let (mut seconds, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let folder = Folder::new()?;
        let mut hosts = Vec::new();
        for index in 0..PROCESSES {
            hosts.push(HostProcess::start(index, PROCESSES, count, &folder.0)?);
        }
        try_join_all(hosts.iter_mut().map(|host| host.expect("ready"))).await?;
        let begin = Instant::now();
        for host in &mut hosts {
            host.say("dial").await?;
        }
        try_join_all(hosts.iter_mut().map(|host| host.expect("formed"))).await?;
        seconds.push(begin.elapsed().as_secs_f64());
        let mut held = 0.0;
        for host in &mut hosts {
            host.say("held").await?;
            held += host.line().await?.parse::<f64>()?;
        }
        bytes.push(held);
        for host in hosts {
            host.end().await?;
        }
    }
    let links = (count * (count - 1) / 2) as f64;
    let per_link = bytes.iter().map(|bytes| bytes / links).collect();
    let record = |metric, case, values| {
        Record::new(
            "mesh",
            format!("{count} nodes{case}"),
            "chirp",
            metric,
            values,
        )
    };
    Ok(vec![
        record(Metric::Seconds, "", seconds),
        record(Metric::Bytes, "", bytes),
        record(Metric::Bytes, ", per link", per_link),
    ])
}

/// Some nodes of a mesh: those whose number is `index` modulo `of`.
struct Host {
    index: usize,
    of: usize,
    count: usize,
    folder: PathBuf,
}

impl Host {
    async fn run(self) -> Result<()> {
        let mut nodes = Vec::new();
        for number in (self.index..self.count).step_by(self.of) {
            nodes.push((number, start(number, &self.folder).await?));
        }
        let before = held();
        say("ready")?;
        let mut commands = BufReader::new(tokio::io::stdin()).lines();
        while let Some(command) = commands.next_line().await? {
            match command.as_str() {
                "dial" => {
                    for (number, node) in &nodes {
                        for other in number + 1..self.count {
                            node.connect(name(other), address(other, &self.folder))?;
                        }
                    }
                    for (_, node) in &nodes {
                        connected(node, self.count - 1).await?;
                    }
                    say("formed")?;
                }
                "held" => {
                    // Buffers and timers of the joins are gone when the links have been idle.
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    say(&held().saturating_sub(before).to_string())?;
                }
                other => return Err(format!("unknown command {other:?}").into()),
            }
        }
        Ok(())
    }
}

fn say(line: &str) -> Result<()> {
    println!("{line}");
    Ok(std::io::stdout().flush()?)
}

fn name(number: usize) -> String {
    format!("node-{number:03}")
}

fn address(number: usize, folder: &Path) -> String {
    format!("unix://{}/{number}", folder.display())
}

async fn start(number: usize, folder: &Path) -> Result<Node> {
    let node = Node::builder(name(number))
        .network("bench")
        .service(MemberServer::new(Counter))
        .listen(address(number, folder));
    Ok(node.start().await?)
}

/// Starts a node that dials all others.
async fn dial_all(count: usize, folder: &Path) -> Result<Node> {
    let mut hub = Node::builder("hub").network("bench");
    for number in 0..count {
        hub = hub.connect(name(number), address(number, folder));
    }
    let hub = hub.start().await?;
    connected(&hub, count).await?;
    Ok(hub)
}

/// Waits until so many other nodes are connected.
async fn connected(node: &Node, count: usize) -> Result<()> {
    let mut events = node.watch();
    let all = async {
        while node.connected().len() < count {
            events.recv().await.ok_or("the node is closed")?;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, all).await?
}

/// A process of nodes.
struct HostProcess {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl HostProcess {
    fn start(index: usize, of: usize, count: usize, folder: &Path) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("host")
            .args([index, of, count].map(|number| number.to_string()))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let output = process.stdout.take().ok_or("no output")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output).lines(),
        })
    }

    async fn say(&mut self, line: &str) -> Result<()> {
        Ok(self.input.write_all(format!("{line}\n").as_bytes()).await?)
    }

    async fn line(&mut self) -> Result<String> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await??;
        Ok(line.ok_or("a host has ended")?)
    }

    async fn expect(&mut self, line: &str) -> Result<()> {
        let said = self.line().await?;
        if said == line {
            return Ok(());
        }
        Err(format!("a host said {said:?} in place of {line:?}").into())
    }

    async fn end(mut self) -> Result<()> {
        drop(self.input);
        let status = self.process.wait().await?;
        if status.success() {
            return Ok(());
        }
        Err(format!("a host has failed: {status}").into())
    }
}

/// A folder for sockets, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let nanos = std::time::UNIX_EPOCH.elapsed()?.as_nanos();
        let path = std::env::temp_dir().join(format!("chirp-mesh-{nanos}"));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the number of allocated bytes.
fn held() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Returns the number of allocations so far. Growing an allocation counts as one.
fn allocations() -> usize {
    let stats = HEAP.stats();
    stats.allocations + stats.reallocations
}
