//! `POST` of one call: two numbers in, their sum and difference out.

use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{ServerKind, ServerProcess};
use crate::{Failure, median};

const ROUNDS: usize = 7;
const CONNECTIONS: &str = "64";
const SECONDS: &str = "3s";

const BODY: &str = r#"{"a":100,"b":250}"#;

/// Measures servers in turn, and prints how they compare with the first.
pub(crate) fn compare(kinds: &[ServerKind]) -> Result<(), Failure> {
    let servers: Result<Vec<_>, Failure> = kinds
        .iter()
        .map(|kind| ServerProcess::start(*kind))
        .collect();
    let servers = servers?;
    let script = std::env::temp_dir().join(format!("chirp-wrk-{}.lua", std::process::id()));
    let text = format!(
        "wrk.method = 'POST'\nwrk.body = '{BODY}'\nwrk.headers['Content-Type'] = 'application/json'\n"
    );
    std::fs::write(&script, text)?;
    let mut rates = vec![Vec::new(); kinds.len()];
    let mut times = vec![Vec::new(); kinds.len()];
    for round in 0..=ROUNDS {
        for at in 0..kinds.len() {
            // Each round starts with another server. The first round is a warm-up.
            let at = (at + round) % kinds.len();
            let url = format!(
                "http://{}{}",
                servers[at].address,
                kinds[at].path("sum_diff")
            );
            let before = servers[at].processor_time()?;
            let driven = drive(&url, &script.display().to_string())?;
            let time = servers[at].processor_time()? - before;
            if round > 0 {
                rates[at].push(driven.rate);
                times[at].push(time / driven.calls);
            }
        }
    }
    std::fs::remove_file(&script)?;
    for at in 0..kinds.len() {
        let mut by_rate = pairs(&rates[at], &rates[0]);
        let mut by_time = pairs(&times[0], &times[at]);
        let (by_rate_median, by_time_median) = (median(&mut by_rate), median(&mut by_time));
        println!(
            "{:>12}: {:>7.0} calls/s, {by_rate_median:.2} of {first} (between {:.2} and {:.2}); {:.1} us of processor time each, \
             {by_time_median:.2} of {first} (between {:.2} and {:.2}); goal: at least 0.7",
            kinds[at].name(),
            median(&mut rates[at].clone()),
            by_rate[0],
            by_rate[by_rate.len() - 1],
            median(&mut times[at].clone()) * 1e6,
            by_time[0],
            by_time[by_time.len() - 1],
            first = kinds[0].name(),
        );
    }
    Ok(())
}

/// Returns the ratios of numbers of the same round.
fn pairs(numbers: &[f64], others: &[f64]) -> Vec<f64> {
    numbers
        .iter()
        .zip(others)
        .map(|(one, other)| one / other)
        .collect()
}

/// The numbers that `wrk` prints.
struct Driven {
    /// Calls per second.
    rate: f64,
    calls: f64,
}

fn drive(url: &str, script: &str) -> Result<Driven, Failure> {
    let output = Command::new("wrk")
        .args([
            "-t",
            "1",
            "-c",
            CONNECTIONS,
            "-d",
            SECONDS,
            "-s",
            script,
            url,
        ])
        .output()
        .map_err(|error| format!("wrk cannot be started: {error}"))?;
    let text = String::from_utf8(output.stdout)?;
    if text.contains("Non-2xx") {
        return Err(format!("{url} answers with errors:\n{text}").into());
    }
    let mut lines = text.lines().map(str::trim);
    let calls = lines.find_map(|line| line.split_once(" requests in"));
    let rate = lines.find_map(|line| line.strip_prefix("Requests/sec:"));
    let ((calls, _), rate) = calls.zip(rate).ok_or("wrk prints no rate")?;
    Ok(Driven {
        rate: rate.trim().parse()?,
        calls: calls.parse()?,
    })
}

/// Calls a server in this process, one call after another.
pub(crate) fn count(kind: ServerKind, calls: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (address, serving) = kind.bind().await?;
        tokio::spawn(serving);
        let mut client = TcpStream::connect(&address).await?;
        let path = kind.path("sum_diff");
        // The headers are those of `wrk`.
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        let mut answer = vec![0; 4096];
        for _ in 0..calls {
            client.write_all(request.as_bytes()).await?;
            let mut length = 0;
            while !answer[..length].ends_with(b"}") {
                length += client.read(&mut answer[length..]).await?;
            }
        }
        Ok(())
    })
}
