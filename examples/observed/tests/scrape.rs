//! Runs the example, calls it, and scrapes its metrics as Prometheus does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prometheus_parse::{Scrape, Value};

#[chirp::service]
trait Arith {
    async fn divide(&self, a: u64, b: u64) -> Result<u64, String>;
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scrape(address: &str) -> Scrape {
    let mut stream = TcpStream::connect(address).expect("the listener of the metrics");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).expect("metrics in text format")
}

/// Returns the sample with this name and these labels.
fn sample(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> Option<Value> {
    let found = scrape.samples.iter().find(|sample| {
        sample.metric == name
            && labels
                .iter()
                .all(|(name, value)| sample.labels.get(name) == Some(value))
    });
    found.map(|sample| sample.value.clone())
}

fn number(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    match sample(scrape, name, labels)? {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => Some(value),
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn a_scraper_reads_the_metrics_of_methods_and_connections() {
    // The port is free until the program takes it.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let scraped = free.local_addr().expect("an address").to_string();
    drop(free);
    let mut program = Command::new(env!("CARGO_BIN_EXE_observed"));
    program
        .args(["tcp://127.0.0.1:0", &scraped])
        .stdout(Stdio::piped());
    let mut program = Program(program.spawn().expect("the program"));
    let output = program.0.stdout.take().expect("its output");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    let address = line
        .split([' ', ','])
        .nth(1)
        .expect("an address")
        .to_owned();

    let peer = chirp::connect(&*address).await.expect("connected");
    let arith = ArithClient::new(&peer);
    for _ in 0..3 {
        assert_eq!(arith.divide(6, 2).await.expect("a quotient"), 3);
    }
    arith.divide(1, 0).await.expect_err("division by zero");
    peer.call("nonsense", ()).await.expect_err("unknown");

    // The numbers of connections are published every half second.
    let begun = Instant::now();
    let metrics = loop {
        let address = scraped.clone();
        let metrics = tokio::task::spawn_blocking(move || scrape(&address)).await;
        let metrics = metrics.expect("metrics");
        if number(&metrics, "chirp_calls_in", &[]) == Some(5.0) {
            break metrics;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            metrics.samples
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let calls = |method, outcome| {
        let labels = [("method", method), ("outcome", outcome)];
        number(&metrics, "chirp_method_calls_total", &labels)
    };
    assert_eq!(calls("Arith.divide", "ok"), Some(3.0));
    assert_eq!(calls("Arith.divide", "error"), Some(1.0));
    assert_eq!(calls("(unregistered)", "unknown_method"), Some(1.0));
    let divide = [("method", "Arith.divide")];
    let running = number(&metrics, "chirp_method_calls_in_progress", &divide);
    assert_eq!(running, Some(0.0));
    let Some(Value::Histogram(buckets)) =
        sample(&metrics, "chirp_method_duration_seconds", &divide)
    else {
        panic!("no histogram in {:?}", metrics.samples)
    };
    let last = buckets.last().expect("buckets");
    assert!(last.less_than.is_infinite());
    assert_eq!(last.count, 4.0);
    assert_eq!(number(&metrics, "chirp_calls_in_errors", &[]), Some(1.0));

    let total = |name| number(&metrics, name, &[]).unwrap_or_else(|| panic!("no {name}"));
    // Five calls and their answers, with a header each.
    for name in ["chirp_bytes_received", "chirp_bytes_sent"] {
        assert!(
            (60.0..10_000.0).contains(&total(name)),
            "{name} {}",
            total(name)
        );
    }
    for name in ["chirp_packets_received", "chirp_packets_sent"] {
        assert!(total(name) >= 5.0, "{name} {}", total(name));
    }
    assert_eq!(total("chirp_connections_open"), 1.0);
    assert_eq!(total("chirp_connections_accepted"), 1.0);
    for name in [
        "chirp_connections_refused",
        "chirp_read_pauses",
        "chirp_read_paused_micros",
        "chirp_streams",
        "chirp_reconnect_attempts",
        "chirp_reconnects",
    ] {
        assert_eq!(total(name), 0.0, "{name}");
    }
}
