//! Side by side in one run: calls of a Chirp service over NATS, bare requests of `async-nats`, and its service API. Needs the
//! program `nats-server`.
//!
//! ```console
//! cargo bench -p chirp-nats                     # all
//! cargo bench -p chirp-nats -- calls            # or `multicast`, `instances`
//! ```
//!
//! `instances` measures 1, 2, 4 and 8 instances of a service, each in a process of its own, and writes them as a chart to
//! `bench/results/nats.svg`. All programs share the machine, so only ratios within a run say something. Rounds alternate.

mod chart;
mod instances;

use std::error::Error;
use std::fs;
use std::future::poll_fn;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::service::ServiceExt as _;
use bytes::Bytes;
use chirp_nats::Nats;
use futures_core::Stream;

use chart::Line;
use instances::{FAST, Point, SLOW, Work};

/// The number of turns of each candidate.
const ROUNDS: usize = 7;

/// Calls of one caller in a round.
const SEQUENTIAL: usize = 3_000;

/// Callers at once, and how long they call in a round.
const CALLERS: usize = 256;
const TIME: Duration = Duration::from_secs(2);

/// Responders of a multicast, and multicasts in a round.
const RESPONDERS: usize = 100;
const MULTICASTS: usize = 50;

#[chirp::service]
trait Arith {
    async fn sum(&self, a: u64, b: u64) -> u64;
}

struct Calculator;

impl Arith for Calculator {
    async fn sum(&self, a: u64, b: u64) -> u64 {
        a + b
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One way to make a call.
#[derive(Clone)]
enum Candidate {
    Bare(Client),
    Micro(Client),
    Chirp(ArithClient),
}

impl Candidate {
    fn name(&self) -> &'static str {
        match self {
            Self::Bare(_) => "bare request",
            Self::Micro(_) => "service API",
            Self::Chirp(_) => "Chirp",
        }
    }

    async fn call(&self) {
        match self {
            Self::Bare(client) => ask(client, "bare.sum").await,
            Self::Micro(client) => ask(client, "micro.sum").await,
            Self::Chirp(arith) => {
                arith.sum(1, 2).await.expect("an answer");
            }
        }
    }
}

async fn ask(client: &Client, subject: &'static str) {
    client
        .request(subject, Bytes::from_static(b"\x01\x02"))
        .await
        .expect("an answer");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo adds an argument of its own.
    let words = arguments.iter().map(String::as_str);
    let words: Vec<_> = words.filter(|word| *word != "--bench").collect();
    let chosen = match words[..] {
        [] => "all",
        [word @ ("calls" | "multicast" | "instances")] => word,
        ["worker", address, places, wait] => {
            let work = Work::parse(places, wait).ok_or("no numbers")?;
            return instances::serve(address, work).await;
        }
        _ => return Err("usage: [calls | multicast | instances]".into()),
    };
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = free.local_addr()?.port();
    drop(free);
    let mut command = Command::new("nats-server");
    command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
    let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        println!("skipped: the program `nats-server` is not installed");
        return Ok(());
    };
    let broker = Process(child);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let address = format!("nats://127.0.0.1:{port}");
    let cores = std::thread::available_parallelism()?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    println!("{cores} cores, load {load} at the start");
    if ["all", "calls"].contains(&chosen) {
        calls(&address).await;
    }
    if ["all", "multicast"].contains(&chosen) {
        multicasts(&address).await;
    }
    if ["all", "instances"].contains(&chosen) {
        let slow = instances::measure(&address, &broker.0, SLOW).await?;
        let fast = instances::measure(&address, &broker.0, FAST).await?;
        let svg = report(&slow, &fast, cores.get(), load);
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/results");
        fs::write(results.join("nats.svg"), svg)?;
    }
    Ok(())
}

/// Prints the rates of both services, and returns their chart.
fn report(slow: &[Point], fast: &[Point], cores: usize, load: &str) -> String {
    for (name, points) in [("wait", slow), ("return at once", fast)] {
        for point in points {
            println!(
                "handlers that {name}: {} instances: {:.0} calls/s, {:.2} of linear; cores used: nats-server {:.2}, caller {:.2}, \
                 instances {:.2}",
                point.instances,
                point.rate,
                point.rate / points[0].rate / ratio(point.instances),
                point.broker,
                point.caller,
                point.workers
            );
        }
    }
    let full = fast
        .iter()
        .max_by(|one, other| one.rate.total_cmp(&other.rate));
    let used = full.map_or(0.0, |point| point.broker + point.caller + point.workers);
    let note = format!(
        "{cores} cores shared by all processes, load {load} at the start. Blue: what caller, nats-server and instances reach together, \
         with {used:.1} cores."
    );
    println!("{note}");
    let lines = [
        Line {
            name: "handlers that wait 5 ms, 16 at once in an instance",
            colour: "#c9803a",
            points: slow,
            capacity: SLOW.capacity(),
        },
        Line {
            name: "handlers that return at once",
            colour: "#2f6fb5",
            points: fast,
            capacity: None,
        },
    ];
    let title = "Calls/s over NATS by the number of instances, each in a process of its own (dotted: linear)";
    chart::render(title, &lines, &note)
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn ratio(count: usize) -> f64 {
    count as f64
}

/// Waits for the first line of a process.
fn ready_pipe(child: &mut Child) -> Result<(), Box<dyn Error>> {
    let output = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    (line.trim() == "ready")
        .then_some(())
        .ok_or("an instance has not started")?;
    Ok(())
}

/// Calls of one caller and of many, by Chirp and by the client of NATS alone.
async fn calls(address: &str) {
    let connect = || async_nats::connect(address);
    // Each responder and each caller has a connection of its own.
    let responder = connect().await.expect("connected");
    let requests = responder.queue_subscribe("bare.sum", "q".to_owned()).await;
    tokio::spawn(respond(responder.clone(), requests.expect("subscribed")));
    let micro = connect().await.expect("connected");
    let service = micro
        .service_builder()
        .start("micro", "0.1.0")
        .await
        .expect("started");
    let mut endpoint = service.endpoint("micro.sum").await.expect("an endpoint");
    tokio::spawn(async move {
        while let Some(request) = poll_fn(|cx| Pin::new(&mut endpoint).poll_next(cx)).await {
            let _ = request.respond(Ok(Bytes::from_static(b"\x03"))).await;
        }
    });
    let hosting = Nats::connect(address).await.expect("connected");
    let server = hosting
        .server()
        .service(ArithServer::new(Calculator))
        .start();
    let _server = server.await.expect("started");
    let calling = Nats::connect(address).await.expect("connected");
    let candidates = [
        Candidate::Bare(connect().await.expect("connected")),
        Candidate::Micro(connect().await.expect("connected")),
        Candidate::Chirp(ArithClient::new(&calling)),
    ];
    responder.flush().await.expect("flushed");
    hosting.flush().await.expect("flushed");
    let mut medians = vec![Vec::new(); candidates.len()];
    let mut rates = vec![Vec::new(); candidates.len()];
    for _ in 0..ROUNDS {
        for (at, candidate) in candidates.iter().enumerate() {
            medians[at].push(one_caller(candidate).await);
            rates[at].push(many_callers(candidate).await);
        }
    }
    let medians: Vec<_> = medians.iter_mut().map(|times| middle(times)).collect();
    let rates: Vec<_> = rates.iter_mut().map(|rates| middle(rates)).collect();
    for (at, candidate) in candidates.iter().enumerate() {
        let (name, median, rate) = (candidate.name(), medians[at], rates[at]);
        println!("{name:13} one caller: p50 {median:.1} us; {CALLERS} callers: {rate:.0} calls/s");
    }
    println!(
        "p50 of Chirp: {:.2} of bare (goal: at most 1.1)",
        medians[2] / medians[0]
    );
    println!(
        "rate of Chirp: {:.2} of bare (goal: at least 0.85), {:.2} of the service API (goal: at least 1)",
        rates[2] / rates[0],
        rates[2] / rates[1]
    );
}

async fn respond(client: Client, mut requests: async_nats::Subscriber) {
    while let Some(request) = poll_fn(|cx| Pin::new(&mut requests).poll_next(cx)).await {
        if let Some(reply) = request.reply {
            let _ = client.publish(reply, Bytes::from_static(b"\x03")).await;
        }
    }
}

/// The median of the time of a call, in microseconds.
async fn one_caller(candidate: &Candidate) -> f64 {
    let mut times = Vec::with_capacity(SEQUENTIAL);
    for _ in 0..SEQUENTIAL {
        let begin = Instant::now();
        candidate.call().await;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    middle(&mut times)
}

/// Calls in a second.
async fn many_callers(candidate: &Candidate) -> f64 {
    let over = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let (candidate, over, calls) = (candidate.clone(), Arc::clone(&over), Arc::clone(&calls));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                candidate.call().await;
                calls.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    tokio::time::sleep(TIME).await;
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no panic");
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let calls = calls.load(Ordering::Relaxed) as f64;
    calls / begin.elapsed().as_secs_f64()
}

/// One message to many responders, with the answers collected.
async fn multicasts(address: &str) {
    let calling = Nats::connect(address).await.expect("connected");
    let (mut servers, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RESPONDERS {
        let nats = Nats::connect(address).await.expect("connected");
        let server = nats.server().service(ArithServer::new(Calculator)).start();
        servers.push(server.await.expect("started"));
        let client = async_nats::connect(address).await.expect("connected");
        let requests = client.subscribe("scatter.sum").await.expect("subscribed");
        bare.push(tokio::spawn(respond(client.clone(), requests)));
        client.flush().await.expect("flushed");
    }
    let client = async_nats::connect(address).await.expect("connected");
    let (mut bare_times, mut chirp_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..MULTICASTS {
            let begin = Instant::now();
            let inbox = client.new_inbox();
            let mut answers = client.subscribe(inbox.clone()).await.expect("subscribed");
            let sent =
                client.publish_with_reply("scatter.sum", inbox, Bytes::from_static(b"\x01\x02"));
            sent.await.expect("sent");
            for _ in 0..RESPONDERS {
                let answer = poll_fn(|cx| Pin::new(&mut answers).poll_next(cx)).await;
                assert!(answer.is_some(), "an answer");
            }
            bare_times.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        for _ in 0..MULTICASTS {
            let begin = Instant::now();
            let all = calling.everyone().gather(ArithClient::unbound().sum(1, 2));
            let all = all.expect(RESPONDERS).await.expect("sent");
            assert!(all.is_complete() && all.answers.iter().all(|answer| answer.result == Ok(3)));
            chirp_times.push(begin.elapsed().as_secs_f64() * 1e6);
        }
    }
    let (bare, chirp) = (middle(&mut bare_times), middle(&mut chirp_times));
    println!(
        "{RESPONDERS} responders: scatter and gather by hand {bare:.0} us, Chirp {chirp:.0} us: {:.2} (goal: at most 1.2)",
        chirp / bare
    );
}

fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
