//! A node in Python, `tests/interop/node.py`, joins nodes of this library, is called in multicasts, and calls.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use chirp::{Answer, CallContext, CallError, Node, NodeBuilder, NodeEvent, RefusalReason};

use crate::has_python;
use crate::support::{in_time, socket_path};

const SCRIPT: &str = "tests/interop/node.py";

#[chirp::service]
trait Arith {
    /// The sum, and the name of the calling node as the callee knows it.
    async fn add(&self, cx: &CallContext, a: i64, b: i64) -> (i64, Option<String>);
    /// The name of this node.
    async fn name(&self) -> String;
    /// Prints a line.
    #[chirp(oneway)]
    async fn log(&self, line: &str);
}

struct Calculator(&'static str);

impl Arith for Calculator {
    async fn add(&self, cx: &CallContext, a: i64, b: i64) -> (i64, Option<String>) {
        (a + b, cx.node().map(str::to_owned))
    }

    async fn name(&self) -> String {
        self.0.to_owned()
    }

    async fn log(&self, _line: &str) {}
}

fn node(name: &'static str) -> NodeBuilder {
    Node::builder(name)
        .network("prod")
        .backoff(Duration::from_millis(5), Duration::from_millis(50))
        .service(ArithServer::new(Calculator(name)))
}

/// A node in Python, which prints what happens.
struct Python {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Python {
    fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT);
        let mut process = Command::new("python3")
            .arg(script)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let stdout = process.stdout.take().expect("its output is piped");
        Self {
            process,
            lines: BufReader::new(stdout),
        }
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        // Python does not wait for this process in between.
        tokio::task::block_in_place(|| self.lines.read_line(&mut line)).expect("a line");
        line.trim_end().to_owned()
    }

    /// Ends it, as a crash does.
    fn kill(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until a node is connected to exactly these.
async fn sees(node: &Node, names: &[&str]) {
    in_time(async {
        while !node
            .connected()
            .iter()
            .map(|peer| &**peer.name())
            .eq(names.iter().copied())
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn by_name<T, E>(mut answers: Vec<Answer<T, E>>) -> Vec<Answer<T, E>> {
    answers.sort_by(|a, b| a.from.cmp(&b.from));
    answers
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    if !has_python() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT);
    let status = Command::new("python3").arg(script).arg("examples").status();
    assert!(status.expect("python3 runs").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_in_python_joins_is_called_with_others_and_calls() {
    if !has_python() {
        return;
    }
    let path = socket_path();
    let address = format!("unix://{}", path.display());
    let builder = node("alpha").listen(&address).listen("tcp://127.0.0.1:0");
    let alpha = builder.start().await.expect("started");
    let tcp = alpha.addresses().remove(1).to_string();
    let beta = node("beta").connect("alpha", &address);
    let beta = beta.start().await.expect("started");

    let mut python = Python::start(&["dial", &tcp, "python", "prod", "alpha", "zone=eu"]);
    assert_eq!(python.line(), "joined alpha");
    assert_eq!(python.line(), "called alpha: 42, known there as python");
    sees(&alpha, &["beta", "python"]).await;
    let info = alpha.peer("python").info();
    let link = info.link.expect("connected");
    assert_eq!(link.labels.get("zone"), Some("eu"));
    assert!(!link.authenticated);

    let client = ArithClient::unbound();
    let answers = by_name(in_time(alpha.all().gather(client.add(-3, 5))).await);
    let names: Vec<_> = answers.iter().map(|answer| &*answer.from).collect();
    assert_eq!(names, ["beta", "python"]);
    for answer in answers {
        assert_eq!(answer.result, Ok((2, Some("alpha".to_owned()))));
    }
    for answer in in_time(alpha.all().gather(client.log("hello"))).await {
        assert_eq!(answer.result, Ok(()));
    }
    assert_eq!(python.line(), "logged hello");

    // Beta is not connected to it.
    let unknown = in_time(beta.some(["python"]).gather(client.name())).await;
    assert_eq!(
        unknown[0].result,
        Err(CallError::UnknownNode("python".into()))
    );

    // It crashes: a target that is named is reported, and the other one answers.
    python.kill();
    sees(&alpha, &["beta"]).await;
    let answers = by_name(in_time(alpha.some(["python", "beta"]).gather(client.name())).await);
    assert_eq!(answers[0].result.as_deref(), Ok("beta"));
    assert!(
        matches!(answers[1].result, Err(CallError::NotConnected(_))),
        "{answers:?}"
    );

    // It comes back as another process under its name, and another one with its name is refused meanwhile.
    let mut python = Python::start(&["dial", &address, "python", "prod", "alpha"]);
    assert_eq!(python.line(), "joined alpha");
    sees(&alpha, &["beta", "python"]).await;
    let mut other = Python::start(&["dial", &address, "python", "prod", "alpha"]);
    assert_eq!(other.line(), "refused: name taken");

    // The program disconnects it, and it is told so.
    alpha.disconnect("python").await.expect("it is known");
    assert_eq!(python.line(), "called alpha: 42, known there as python");
    assert_eq!(python.line(), "disconnected");
    alpha.close();
    beta.close();
    let _ = std::fs::remove_file(path);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_in_python_is_dialled_and_calls_back() {
    if !has_python() {
        return;
    }
    let mut python = Python::start(&["listen", "tcp://127.0.0.1:0", "python", "prod"]);
    let listening = python.line();
    let address = listening.strip_prefix("listening on ").expect("an address");

    let alpha = node("alpha").connect("python", address);
    let alpha = alpha.start().await.expect("started");
    assert_eq!(python.line(), "joined alpha");
    assert_eq!(python.line(), "called alpha: 42, known there as python");
    sees(&alpha, &["python"]).await;
    let client = ArithClient::unbound();
    let (from, answer) = in_time(alpha.all().gather(client.add(1, 2)).first())
        .await
        .expect("it answers");
    assert_eq!((&*from, answer), ("python", (3, Some("alpha".to_owned()))));

    // A node of another network: neither side counts a link, and both say why.
    let stranger = node("stranger").network("test");
    let stranger = stranger.start().await.expect("started");
    let mut events = stranger.watch();
    stranger.connect("python", address).expect("an address");
    let reason = in_time(async {
        match events.recv().await.expect("it runs") {
            NodeEvent::Refused { refusal, .. } => refusal.reason,
            event => panic!("{event}"),
        }
    })
    .await;
    assert_eq!(reason, RefusalReason::Network);
    assert_eq!(python.line(), "refused stranger: network");
    assert!(stranger.connected().is_empty());
    stranger.close();
    alpha.close();
}
