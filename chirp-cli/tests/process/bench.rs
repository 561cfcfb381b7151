#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::ErrorData;
use chirp::{Peer, Receiver, Request, Server, Stream};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::Notify;

use super::program::{chirp, command};

/// A server with a runtime of its own, which ends with the process.
struct Target {
    address: String,
    calls: Arc<AtomicU64>,
    /// Notified by the 1,000th call.
    busy: Arc<Notify>,
    connections: Arc<AtomicUsize>,
}

/// Serves `echo`; `fails`, whose every second call fails; `stalls`, whose 40th call stops the whole server for 300 ms; and
/// `ends`, whose 100th call ends its connection.
fn target() -> Target {
    let (calls, connections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, connected) = (Arc::clone(&calls), Arc::clone(&connections));
    let busy = Arc::new(Notify::new());
    let is_busy = Arc::clone(&busy);
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async move {
            let next = move || {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                if number == 1000 {
                    is_busy.notify_one();
                }
                number
            };
            let peer: Arc<Mutex<Option<Peer>>> = Arc::default();
            let last = Arc::clone(&peer);
            let (fails, stalls, ends) = (next.clone(), next.clone(), next.clone());
            let server = Server::builder()
                .handle("echo", move |request: Request| {
                    next();
                    std::future::ready(Ok::<_, ErrorData>(request.into_params()))
                })
                .handle("fails", move |_: Request| {
                    std::future::ready(match fails() % 2 {
                        0 => Err(ErrorData::new(7, "no luck")),
                        _ => Ok(Bytes::new()),
                    })
                })
                .handle("stalls", move |_: Request| {
                    if stalls() == 40 {
                        thread::sleep(Duration::from_millis(300));
                    }
                    std::future::ready(Ok::<_, ErrorData>(Bytes::new()))
                })
                .handle("ends", move |_: Request| {
                    if ends() == 100 {
                        last.lock().unwrap().take().unwrap().close();
                    }
                    std::future::ready(Ok::<_, ErrorData>(Bytes::new()))
                })
                .on_connect(move |connection| {
                    *peer.lock().unwrap() = Some(connection.peer.clone());
                    connected.fetch_add(1, Ordering::Relaxed);
                })
                .bind("tcp://127.0.0.1:0")
                .await
                .unwrap();
            tell.send(server.endpoint().to_string()).unwrap();
            server.run().await;
        });
    });
    Target {
        address: told.recv().unwrap(),
        calls,
        busy,
        connections,
    }
}

#[chirp::service]
trait Numbers {
    async fn add(&self, a: u32, b: u32) -> u32;
    async fn count(&self, to: u32) -> impl Stream<Item = u32>;
    async fn sum(&self, numbers: Receiver<u32>) -> u32;
    #[chirp(oneway)]
    async fn note(&self, text: String);
}

struct Counter;

impl Numbers for Counter {
    async fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }

    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(0..to)
    }

    async fn sum(&self, _: Receiver<u32>) -> u32 {
        0
    }

    async fn note(&self, _: String) {}
}

#[tokio::test]
async fn methods_with_values_in_json_are_measured() {
    let server = Server::builder().service(NumbersServer::new(Counter));
    let server = server.reflect().bind("tcp://127.0.0.1:0").await.unwrap();
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    let bench = async |arguments: &[&str]| {
        let times = ["--seconds", "200ms", "--warm-up", "0", "--json"];
        chirp(&[&["bench", &address], arguments, &times].concat()).await
    };
    let run = bench(&["Numbers.add", "a=1", "b:=2"]).await;
    let report: Value = serde_json::from_str(run.ok()).unwrap();
    assert_eq!(report["errors"].as_array().unwrap().len(), 0, "{report}");
    assert!(report["calls"].as_u64().unwrap() > 10, "{report}");
    assert_eq!(report["items"], Value::Null);

    let run = bench(&["Numbers.count", "to=1000", "--callers", "2"]).await;
    let report: Value = serde_json::from_str(run.ok()).unwrap();
    let (calls, items) = (
        report["calls"].as_u64().unwrap(),
        report["items"].as_u64().unwrap(),
    );
    // Each caller may have a stream that the end cut, or whose last items came after the end.
    let items_of = |calls: u64| calls * 1000;
    assert!(
        calls > 0 && (items_of(calls.saturating_sub(2))..=items_of(calls + 2)).contains(&items),
        "{report}"
    );
    // Streams without an end are measured by their items.
    let run = bench(&["Numbers.count", "to=4000000000", "--rate", "50"]).await;
    let report: Value = serde_json::from_str(run.ok()).unwrap();
    assert_eq!(report["calls"], 0, "{report}");
    assert!(
        report["items_per_second"].as_f64().unwrap() > 100.0,
        "{report}"
    );

    let run = bench(&["Numbers.add", "a=1"]).await;
    assert!(run.failed(2).contains("needs the argument b"), "{run:?}");
    let run = bench(&["Numbers.sum", "numbers:=[1]"]).await;
    assert!(run.failed(2).contains("takes a stream"), "{run:?}");
    let run = bench(&["Numbers.note", "text=x"]).await;
    assert!(run.failed(2).contains("is one-way"), "{run:?}");
}

async fn bench(target: &Target, arguments: &[&str], code: i32) -> Value {
    let all = ["bench", &target.address, "--json", "--raw", ""];
    let run = chirp(&[&all, arguments].concat()).await;
    assert_eq!((run.code, &run.stderr[..]), (Some(code), ""), "{run:?}");
    serde_json::from_str(run.out()).unwrap()
}

#[tokio::test]
async fn a_closed_loop_measures_every_call() {
    let target = target();
    let arguments = [
        "echo",
        "--seconds",
        "300ms",
        "--warm-up",
        "0",
        "--callers",
        "3",
    ];
    let report = bench(&target, &arguments, 0).await;
    let calls = report["calls"].as_u64().unwrap();
    // The first call finds mistakes.
    assert_eq!(calls, target.calls.load(Ordering::Relaxed) - 1);
    assert_eq!(report["latency_ns"]["count"], calls);
    assert_eq!(report["errors"].as_array().unwrap().len(), 0);
    assert_eq!(report["loop"], "closed");
    let rate = report["calls_per_second"].as_f64().unwrap();
    // All but those that were answered after the end.
    #[expect(clippy::cast_precision_loss, reason = "few calls")]
    let expected = calls as f64 / 0.3;
    assert!(
        rate <= expected + 1.0 && rate > expected - 11.0,
        "{rate} {expected}"
    );
    assert!(report["local_call_ns"].as_u64().unwrap() > 0);
    let text = chirp(&[
        "bench",
        &target.address,
        "echo",
        "--raw",
        "00",
        "--seconds",
        "100ms",
    ])
    .await;
    for part in ["calls ", "latency    p50", "client "] {
        assert!(text.ok().contains(part), "{part}: {text:?}");
    }
}

/// Calls that were due while the server stood still count from the time at which they were due.
#[tokio::test]
async fn a_stall_of_the_server_is_seen_in_an_open_loop() {
    let target = target();
    let arguments = [
        "stalls",
        "--seconds",
        "1",
        "--warm-up",
        "0",
        "--rate",
        "200",
    ];
    // One caller sends late what was due in the stall.
    for callers in ["1", "1000"] {
        target.calls.store(0, Ordering::Relaxed);
        let arguments = [&arguments[..], &["--callers", callers]].concat();
        let report = bench(&target, &arguments, 0).await;
        let number = |name: &str| report[name].as_u64().unwrap();
        assert_eq!(number("calls") + number("unsent"), 200, "{report}");
        // 60 of 200 calls were due within 300 ms: a tenth of all calls waited for 200 ms and more.
        let p90 = report["latency_ns"]["p90"].as_u64().unwrap();
        assert!(p90 > 150_000_000, "{callers}: {report}");
    }
}

#[tokio::test]
async fn connections_share_the_callers() {
    let target = target();
    let arguments = [
        "echo",
        "--seconds",
        "100ms",
        "--callers",
        "4",
        "--connections",
        "3",
    ];
    let report = bench(&target, &arguments, 0).await;
    assert_eq!(report["connections"], 3);
    assert_eq!(target.connections.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn errors_are_counted_by_kind() {
    let target = target();
    let arguments = ["fails", "--seconds", "200ms", "--warm-up", "0"];
    let report = bench(&target, &arguments, 0).await;
    let [error] = &report["errors"].as_array().unwrap()[..] else {
        panic!("{report}");
    };
    assert_eq!(error["kind"], "error 7");
    assert!(error["example"].as_str().unwrap().contains("no luck"));
    let all = error["count"].as_u64().unwrap() + report["calls"].as_u64().unwrap();
    assert_eq!(all, target.calls.load(Ordering::Relaxed) - 1);
}

#[tokio::test]
async fn mistakes_are_found_before_the_measurement() {
    let target = target();
    let raw = |method| ["bench", &target.address, method, "--raw", ""];
    let run = chirp(&raw("nothing")).await;
    assert_eq!(run.failed(6), "error: unknown method \"nothing\"\n");
    let run = chirp(&[&raw("echo")[..], &["--rate", "0"]].concat()).await;
    assert!(run.failed(2).contains("a rate is"), "{run:?}");
    let run = chirp(&["bench", "tcp://127.0.0.1:1", "echo"]).await;
    assert!(run.failed(3).contains("cannot connect"), "{run:?}");
    assert_eq!(target.calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_lost_connection_ends_the_measurement() {
    let target = target();
    let report = bench(&target, &["ends", "--seconds", "60", "--warm-up", "0"], 3).await;
    assert_eq!(report["errors"][0]["kind"], "connection lost");
    assert!(report["calls"].as_u64().unwrap() > 10, "{report}");
}

/// Ctrl-C prints what was measured until then.
#[tokio::test]
async fn an_interrupt_prints_the_results_so_far() {
    let target = target();
    let arguments = ["bench", &target.address, "echo", "--raw", "", "--json"];
    let child = command(&[&arguments[..], &["--seconds", "1h", "--warm-up", "0"]].concat());
    let child = { child }.spawn().unwrap();
    target.busy.notified().await;
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["interrupted"], true);
    assert!(report["calls"].as_u64().unwrap() >= 900, "{report}");
}
