//! The `Arith` service of the documentation, over any address.
//!
//! ```text
//! arith                   serves and calls in one process, over a Unix socket, TCP and inproc; and calls a
//!                         child process (with the feature `process`)
//! arith serve ADDRESS     serves until interrupted
//! arith call ADDRESS      calls the service of another process
//! ```
//!
//! With the feature `reflect`, the program `chirp` lists and calls the methods of `arith serve ADDRESS`:
//! `chirp call ADDRESS Arith.sum_diff a=100 b=250`.
//!
//! `arith call 'exec:arith serve stdio:'` and `arith call 'exec:ssh host arith serve stdio:'` start the server that
//! they call.

use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use chirp::{CallContext, Endpoint, MethodError, PeerBuilder, Server};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SumDiff {
    sum: i64,
    diff: i64,
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum ArithError {
    #[error("{a} and {b} overflow")]
    #[chirp(code = 17)]
    Overflow { a: i64, b: i64 },
}

/// Integer arithmetic.
#[chirp::service]
trait Arith {
    /// Returns the sum and the difference.
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ArithError>;
    /// Returns the version of the service.
    fn version(&self) -> u32;
    /// Returns a checksum of a named piece of data. Both arguments are borrowed from the packet.
    async fn digest(&self, name: &str, data: &[u8]) -> u64;
    /// Writes a line to the log. The caller does not wait for an answer.
    #[chirp(oneway)]
    async fn log(&self, line: &str);
    /// Returns the lines of the log.
    fn logged(&self) -> Vec<String>;
    /// Calls the caller back three times, and returns the number of successful calls.
    async fn notify_me(&self, cx: &CallContext, every: Duration) -> u64;
}

/// The service of a caller of [`Arith::notify_me`].
#[chirp::service]
trait Listener {
    async fn tick(&self, count: u64);
}

#[derive(Default)]
struct Calculator {
    log: Mutex<Vec<String>>,
}

impl Arith for Calculator {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ArithError> {
        let both = a.checked_add(b).zip(a.checked_sub(b));
        let (sum, diff) = both.ok_or(ArithError::Overflow { a, b })?;
        Ok(SumDiff { sum, diff })
    }

    fn version(&self) -> u32 {
        1
    }

    async fn digest(&self, name: &str, data: &[u8]) -> u64 {
        name.bytes()
            .chain(data.iter().copied())
            .map(u64::from)
            .sum()
    }

    async fn log(&self, line: &str) {
        self.log
            .lock()
            .expect("no handler panics while it logs")
            .push(line.to_owned());
    }

    fn logged(&self) -> Vec<String> {
        self.log
            .lock()
            .expect("no handler panics while it logs")
            .clone()
    }

    async fn notify_me(&self, cx: &CallContext, every: Duration) -> u64 {
        let listener = ListenerClient::new(cx.caller());
        let mut heard = 0;
        for count in 1..=3 {
            tokio::time::sleep(every).await;
            heard += u64::from(listener.tick(count).await.is_ok());
        }
        heard
    }
}

struct Ticks;

impl Listener for Ticks {
    async fn tick(&self, count: u64) {
        println!("  the server calls back: tick {count}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let dir = std::env::temp_dir().join(format!("chirp-arith-{}", std::process::id()));
            std::fs::create_dir_all(&dir)?;
            serve_and_call(&format!("unix://{}/arith.sock", dir.display())).await?;
            serve_and_call("tcp://127.0.0.1:0").await?;
            serve_and_call("inproc://arith").await?;
            if cfg!(feature = "process") {
                let child = Endpoint::Exec {
                    program: std::env::current_exe()?.display().to_string(),
                    args: vec!["serve".into(), "stdio:".into()],
                };
                println!("over {child}");
                call(&child.to_string()).await?;
            }
            std::fs::remove_dir_all(&dir)?;
            Ok(())
        }
        ["serve", address] => {
            let server = bind(address).await?;
            println!("listening on {}", server.endpoint());
            server.run_until(tokio::signal::ctrl_c()).await;
            Ok(())
        }
        ["call", address] => call(address).await,
        _ => Err("usage: arith | arith serve ADDRESS | arith call ADDRESS".into()),
    }
}

async fn bind(address: &str) -> Result<Server, Box<dyn Error>> {
    let builder = Server::builder();
    // `chirp ls ADDRESS` lists the methods, and `chirp call` calls them.
    #[cfg(feature = "reflect")]
    let builder = builder.reflect();
    Ok(builder
        .service(ArithServer::new(Calculator::default()))
        .on_disconnect(|_, reason| {
            if !reason.is_clean() {
                eprintln!("a connection failed: {reason}");
            }
        })
        .bind(address)
        .await?)
}

async fn serve_and_call(address: &str) -> Result<(), Box<dyn Error>> {
    let server = bind(address).await?;
    let address = server.endpoint().to_string();
    println!("over {address}");
    let mut result = Ok(());
    server
        .run_until(async { result = call(&address).await })
        .await;
    result
}

async fn call(address: &str) -> Result<(), Box<dyn Error>> {
    let peer = PeerBuilder::new()
        .service(ListenerServer::new(Ticks))
        .connect(address)
        .await?;
    let arith = ArithClient::new(&peer);

    let result = arith.sum_diff(100, 250).await?;
    println!("  sum_diff(100, 250) = {result:?}");
    assert_eq!(
        result,
        SumDiff {
            sum: 350,
            diff: -150
        }
    );

    let error = arith.sum_diff(i64::MAX, 1).await;
    let Err(MethodError::Handler(error)) = error else {
        return Err("the sum should overflow".into());
    };
    println!("  sum_diff(i64::MAX, 1) fails: {error}");
    assert_eq!(error, ArithError::Overflow { a: i64::MAX, b: 1 });

    let (version, digest) = tokio::try_join!(arith.version(), arith.digest("x", &[1, 2, 3]))?;
    println!("  version() = {version}, digest(\"x\", [1, 2, 3]) = {digest}");
    assert_eq!((version, digest), (1, 126));

    arith.log("the calls went well").await?;
    let logged = arith.logged().await?;
    println!("  log(..), and then logged() = {logged:?}");
    assert_eq!(
        logged.last().map(String::as_str),
        Some("the calls went well")
    );

    let every = Duration::from_millis(10);
    let heard = arith
        .notify_me(every)
        .timeout(Duration::from_secs(5))
        .await?;
    println!("  notify_me({every:?}) = {heard}");
    assert_eq!(heard, 3);
    Ok(())
}
