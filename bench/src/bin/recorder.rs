//! The latency that a recorder in the middle adds to a call, over a Unix socket with one caller at a time.
//!
//! Server, recorder and caller have a thread each. Rounds alternate between both ways, so that other load on the machine
//! affects both alike.

use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use chirp::channel::Endpoint;
use chirp::packet::ErrorData;
use chirp::record::Recorder;
use chirp::{Peer, Request, Server};

const ROUNDS: usize = 20;
const CALLS: usize = 1000;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir();
    let path = |name: &str| {
        format!(
            "unix://{}/chirp-recorder-{}-{name}",
            folder.display(),
            std::process::id()
        )
    };
    let file = folder.join(format!("chirp-recorder-{}.pcapng", std::process::id()));
    let (direct, recorded) = (path("direct"), path("recorded"));
    serve(&direct)?;
    record(&recorded, &direct, Recorder::create(&file)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let [mut direct, mut recorded] = runtime.block_on(async {
        let peers = [
            chirp::connect(&direct).await?,
            chirp::connect(&recorded).await?,
        ];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (peer, times) in peers.iter().zip(&mut times) {
                round(peer, times).await?;
            }
        }
        Ok::<_, Failure>(times)
    })?;
    std::fs::remove_file(file)?;
    for (name, part) in [("median", 0.5), ("90 %", 0.9), ("99 %", 0.99)] {
        let (one, other) = (quantile(&mut direct, part), quantile(&mut recorded, part));
        let added = other.saturating_sub(one);
        println!(
            "{name:>6}: direct {one:>9.1?}, recorded {other:>9.1?}: the recorder adds {:.2} times a direct call",
            added.as_secs_f64() / one.as_secs_f64()
        );
    }
    Ok(())
}

/// Runs a future on a thread of its own, once it has told that it is ready.
fn on_thread<F>(run: impl FnOnce(mpsc::Sender<()>) -> F + Send + 'static) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let (ready, wait) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(run(ready))
    });
    Ok(wait.recv()?)
}

fn serve(address: &str) -> Result<(), Failure> {
    let address = address.to_owned();
    on_thread(async move |ready| {
        let server = Server::builder().handle("echo", async |request: Request| {
            Ok::<_, ErrorData>(request.into_params())
        });
        let server = server.bind(&address).await?;
        ready.send(())?;
        server.run().await;
        Ok(())
    })
}

fn record(address: &str, target: &str, recorder: Recorder) -> Result<(), Failure> {
    let (address, target): (Endpoint, Endpoint) = (address.parse()?, target.parse()?);
    on_thread(async move |ready| {
        let mut listener = address.listen().await?;
        ready.send(())?;
        let (client, server) = (listener.accept().await?, target.connect().await?);
        Ok(recorder.relay(client, server).await?)
    })
}

async fn round(peer: &Peer, times: &mut Vec<Duration>) -> Result<(), Failure> {
    for _ in 0..CALLS {
        let begin = Instant::now();
        peer.call("echo", "0123456789abcdef").await?;
        times.push(begin.elapsed());
    }
    Ok(())
}

fn quantile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize]
}
