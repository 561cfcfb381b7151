//! `record`, `show` and `replay`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use chirp::{CallContext, PeerBuilder, Receiver, Server, Stream};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::Notify;

use super::program::{chirp, command};

#[chirp::service]
trait Station {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn fail(&self) -> Result<(), String>;
    async fn wait(&self);
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn total(&self, numbers: Receiver<u64>) -> u64;
    async fn ask(&self, cx: &CallContext, question: String) -> String;
    #[chirp(oneway)]
    async fn note(&self, text: String);
}

#[chirp::service]
trait Asked {
    async fn answer(&self, question: String) -> String;
}

#[derive(Default)]
struct Here {
    /// Added to every sum.
    more: Arc<AtomicI64>,
    waiting: Arc<Notify>,
}

impl Station for Here {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b + self.more.load(Ordering::Relaxed)
    }

    async fn fail(&self) -> Result<(), String> {
        Err("no luck".to_owned())
    }

    async fn wait(&self) {
        self.waiting.notify_one();
        std::future::pending::<()>().await;
    }

    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            total += number;
        }
        total
    }

    async fn ask(&self, cx: &CallContext, question: String) -> String {
        let asked = AskedClient::new(cx.caller());
        asked.answer(question).await.unwrap_or_default()
    }

    async fn note(&self, _text: String) {}
}

struct There;

impl Asked for There {
    async fn answer(&self, question: String) -> String {
        format!("{question}: yes")
    }
}

/// A path that no other test uses.
fn path(extension: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!(
        "chirp-cli-{}-{number}.{extension}",
        std::process::id()
    ))
}

/// A running server.
struct Target {
    address: String,
    more: Arc<AtomicI64>,
    waiting: Arc<Notify>,
}

async fn target() -> Target {
    let here = Here::default();
    let (more, waiting) = (Arc::clone(&here.more), Arc::clone(&here.waiting));
    let server = Server::builder()
        .service(StationServer::new(here))
        .reflect();
    let server = server.bind("tcp://127.0.0.1:0").await.expect("a port");
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    Target {
        address,
        more,
        waiting,
    }
}

/// Starts `chirp record`, and returns the address that it listens on.
async fn recorder(target: &str, to: &Path, more: &[&str]) -> (Child, String) {
    let to = to.to_str().expect("a path of text");
    let arguments = [&["record", "tcp://127.0.0.1:0", target, "--to", to], more].concat();
    let mut child = command(&arguments).spawn().expect("the program starts");
    let out = child.stdout.as_mut().expect("a pipe");
    let mut line = String::new();
    BufReader::new(out)
        .read_line(&mut line)
        .await
        .expect("a line");
    let address = line
        .trim()
        .strip_prefix("listening on ")
        .expect("an address");
    (child, address.to_owned())
}

/// Ends `chirp record`. Returns its exit code, and what it wrote to standard error.
async fn stop(mut child: Child) -> (Option<i32>, String) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    kill_process(pid.expect("it runs"), Signal::TERM).expect("it can be ended");
    let mut error = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut error).await.expect("text");
    (child.wait().await.expect("an end").code(), error)
}

/// Makes calls of all kinds.
async fn make_calls(address: &str, waiting: &Notify) {
    let builder = PeerBuilder::new().service(AskedServer::new(There));
    let peer = builder.connect(address).await.expect("a connection");
    let station = StationClient::new(&peer);
    assert_eq!(station.add(1, 2).await.expect("a sum"), 3);
    assert_eq!(station.add(-3, 5).await.expect("a sum"), 2);
    station.fail().await.expect_err("no luck");
    let wait = station.wait().start();
    waiting.notified().await;
    drop(wait);
    let mut counted = station.count(5000).await.expect("a stream");
    let mut items = 0;
    while let Some(item) = counted.recv().await {
        assert_eq!(item.expect("an item"), items);
        items += 1;
    }
    assert_eq!(items, 5000);
    let total = station.total(tokio_stream::iter(0..5000)).await;
    assert_eq!(total.expect("a total"), 12_497_500);
    assert_eq!(
        station.ask("well".to_owned()).await.expect("text"),
        "well: yes"
    );
    station.note("noted".to_owned()).await.expect("sent");
    assert_eq!(station.add(0, 0).await.expect("a sum"), 0);
    peer.shutdown(std::time::Duration::from_secs(10)).await;
}

/// A description of a part of the service.
fn description() -> PathBuf {
    let value = |shape: &str| json!({"type": shape, "readable": shape, "compact": shape});
    let argument = |name: &str, shape: &str, stream: bool| {
        json!({
            "name": name, "type": shape, "readable": shape, "compact": shape, "stream": stream,
            "required": true,
        })
    };
    let description = json!({
        "version": 1,
        "services": [{"name": "Station", "codec": "Bincode", "methods": [
            {"name": "Station.add", "idempotent": true, "result": value("i64"),
             "arguments": [argument("a", "i64", false), argument("b", "i64", false)]},
            {"name": "Station.count", "arguments": [argument("to", "u64", false)], "items": value("u64")},
            {"name": "Station.total", "arguments": [argument("numbers", "u64", true)], "result": value("u64")},
            {"name": "Station.fail", "errors": [{"code": 0, "name": "String"}]},
        ]}],
    });
    let path = path("json");
    std::fs::write(&path, description.to_string()).expect("a file");
    path
}

/// Records the calls of `make_calls`.
async fn record(target: &Target) -> PathBuf {
    let file = path("pcapng");
    let (child, address) = recorder(&target.address, &file, &["--no-describe"]).await;
    make_calls(&address, &target.waiting).await;
    let (code, error) = stop(child).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains(" packets in "), "{error}");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_shown() {
    let target = target().await;
    let file = record(&target).await;
    let description = description();
    let (file, description) = (
        file.to_str().expect("text"),
        description.to_str().expect("text"),
    );
    let run = chirp(&["show", file, "--description", description]).await;
    let out = run.ok();
    for part in [
        "connection 1: client: tcp://127.0.0.1:",
        "1 > Request 2 Station.add {\"a\":1,\"b\":2}\n",
        "1 < Response 2 Station.add success 3 (",
        "Station.add {\"a\":-3,\"b\":5}\n",
        "Station.fail error String \"no luck\" (",
        "> Cancel ",
        " Station.wait cancelled (",
        "Station.count {\"to\":5000}",
        "StreamItems Station.count other's 1, ",
        " items: 0 1 2 3 ...",
        "Station.total {\"numbers\":0}",
        "< Request 1 Asked.answer \"\\x04well\"",
        "> Response 1 Asked.answer success \"\\twell: yes\" (",
        "> the client ended\n",
        "< the server ended\n",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let run = chirp(&["show", file, "--json", "--description", description]).await;
    let objects: Vec<Value> = run
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let add = objects
        .iter()
        .find(|object| object["method"] == "Station.add");
    assert_eq!(add.expect("a call")["arguments"], json!({"a": 1, "b": 2}));
    let items: usize = objects
        .iter()
        .filter(|object| object["packet"] == "StreamItems" && object["method"] == "Station.count")
        .map(|object| object["items"].as_array().expect("items").len())
        .sum();
    assert_eq!(items, 5000);
    let run = chirp(&["show", file, "--method", "Station.fail"]).await;
    assert_eq!(run.ok().lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_replayed() {
    let target = target().await;
    let file = record(&target).await;
    let description = description();
    let (file, description) = (
        file.to_str().expect("text"),
        description.to_str().expect("text"),
    );
    let replay = [
        "replay",
        file,
        &target.address,
        "--description",
        description,
    ];
    let run = chirp(&replay).await;
    assert_eq!(
        run.ok(),
        "3 calls: 3 same, 0 different\n\
         left out: 5 calls of methods that are not known to be idempotent (--all sends them)\n\
         left out: 1 cancelled calls\n"
    );
    let all = [&replay[..], &["--all"]].concat();
    let run = chirp(&all).await;
    assert_eq!(
        run.ok(),
        "8 calls: 8 same, 0 different\nleft out: 1 cancelled calls\n"
    );

    target.more.store(1, Ordering::Relaxed);
    let run = chirp(&replay).await;
    assert_eq!(run.failed(1), "");
    let out = run.out();
    assert!(
        out.starts_with("different: Station.add {\"a\":1,\"b\":2}\n  recorded: 3\n  now:      4\n"),
        "{out}"
    );
    assert!(out.contains("3 calls: 0 same, 3 different\n"), "{out}");
}

/// The recorder asks a target that reflects for its description, so that no file is needed to decode values.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_holds_the_description_of_its_target() {
    let target = target().await;
    let file = path("pcapng");
    let (child, address) = recorder(&target.address, &file, &[]).await;
    make_calls(&address, &target.waiting).await;
    let (code, error) = stop(child).await;
    assert_eq!(code, Some(0), "{error}");
    let run = chirp(&["show", file.to_str().expect("text")]).await;
    for part in [
        "Station.add {\"a\":1,\"b\":2}\n",
        "Station.total {\"numbers\":0}",
        "Station.note {\"text\":\"noted\"}",
    ] {
        assert!(run.ok().contains(part), "{part} in {run:?}");
    }
}

#[tokio::test]
async fn files_and_targets_that_are_not_there_are_said() {
    let nothing = path("pcapng");
    let nothing = nothing.to_str().expect("text");
    let run = chirp(&["show", nothing]).await;
    assert!(run.failed(2).contains("cannot read"), "{run:?}");
    std::fs::write(nothing, "no capture").expect("a file");
    for command in [
        &["show", nothing][..],
        &["replay", nothing, "tcp://127.0.0.1:1"],
    ] {
        let run = chirp(command).await;
        assert!(run.failed(2).contains("not a capture"), "{run:?}");
    }
    std::fs::write(nothing, "").expect("a file");
    let run = chirp(&["show", nothing]).await;
    assert_eq!(run.stderr, format!("note: {nothing} is empty\n"));
    let arguments = ["tcp://192.0.2.1:1", "tcp://127.0.0.1:1", "--to", nothing];
    let run = chirp(&[&["record"][..], &arguments].concat()).await;
    let error = run.failed(3);
    assert_eq!(error.matches("cannot listen").count(), 1, "{error}");
    let run = chirp(&[
        "record",
        "tls://127.0.0.1:0",
        "tcp://127.0.0.1:1",
        "--to",
        nothing,
    ])
    .await;
    assert!(run.failed(2).contains("--listen-cert"), "{run:?}");
}

/// Without a target, clients see an end, and the recorder goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorder_goes_on_without_its_target() {
    let file = path("pcapng");
    let (child, address) = recorder("tcp://127.0.0.1:1", &file, &[]).await;
    for _ in 0..2 {
        let peer = chirp::connect(&address).await.expect("a connection");
        peer.closed().await;
    }
    let (code, error) = stop(child).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(
        error.contains("cannot connect") || error.contains("refused"),
        "{error}"
    );
}

/// A disk that is full ends the record, and is said; connections go on.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said() {
    let target = target().await;
    let full = Path::new("/dev/full");
    let (child, address) = recorder(&target.address, full, &["--no-describe"]).await;
    make_calls(&address, &target.waiting).await;
    let (code, error) = stop(child).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("cannot write /dev/full"), "{error}");
}
