//! A server for clients in TypeScript: the tests of the package in `typescript/` call it from Node and from a browser.
//!
//! ```text
//! typescript                            serves and calls in one process
//! typescript serve ADDRESS [ORIGIN..]   serves until interrupted, pages of the origins too
//! typescript gateway ADDRESS HTTP       serves over HTTP as well, for `npm run bench`
//! ```

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chirp::http::Gateway;
use chirp::packet::ErrorData;
use chirp::websocket::WebSocket;
use chirp::{CallContext, MethodError, PeerBuilder, Receiver, Server};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt as _;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SumDiff {
    sum: i64,
    diff: i64,
}

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum DemoError {
    #[error("{a} and {b} overflow")]
    #[chirp(code = 17)]
    Overflow { a: i64, b: i64 },
    #[error("stopped at {0}")]
    #[chirp(code = 18)]
    Stopped(u32),
}

/// Methods of every kind.
#[chirp::service]
trait Demo {
    /// Returns the sum and the difference.
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, DemoError>;
    #[chirp(idempotent)]
    fn echo(&self, data: Vec<u8>) -> Vec<u8>;
    fn optional(&self, text: &str, suffix: Option<String>) -> String;
    fn count(&self, to: u32) -> impl Stream<Item = u32>;
    /// Fails with [`DemoError::Stopped`] after `at` items, and at once if `at` is 0.
    fn stop(&self, at: u32) -> Result<impl Stream<Item = Result<u32, DemoError>>, DemoError>;
    async fn total(&self, factor: u64, numbers: Receiver<u64>) -> u64;
    fn double(&self, numbers: Receiver<u64>) -> impl Stream<Item = u64>;
    /// Waits for ever. [`interrupted`](Self::interrupted) counts the calls that were interrupted.
    async fn wait(&self);
    fn interrupted(&self) -> u32;
    #[chirp(deadline = "50ms")]
    async fn limited(&self);
    #[chirp(oneway)]
    fn note(&self, text: String);
    fn notes(&self) -> Vec<String>;
    fn panics(&self);
    async fn sleep(&self, millis: u64) -> u64;
    fn metadata(&self, cx: &CallContext, key: &str) -> Option<String>;
    fn deadline(&self, cx: &CallContext) -> Option<u64>;
    /// Calls [`Page::greet`] of the caller.
    async fn greet_me(&self, cx: &CallContext, name: &str) -> Result<String, ErrorData>;
    /// Returns the items of [`Page::count`] of the caller.
    async fn collect(&self, cx: &CallContext, to: u32) -> Vec<u64>;
    /// Calls [`Page::total`] of the caller with the numbers up to `to`.
    async fn feed(&self, cx: &CallContext, to: u64) -> Result<u64, ErrorData>;
    /// Calls [`Page::wait`] of the caller, and cancels the call after 20 ms.
    async fn cancel_me(&self, cx: &CallContext);
}

/// The service of a caller of [`Demo::greet_me`].
#[chirp::service]
trait Page {
    async fn greet(&self, name: &str) -> Result<String, ErrorData>;
    async fn count(&self, to: u32) -> impl Stream<Item = u64>;
    async fn total(&self, numbers: Receiver<u64>) -> Result<u64, ErrorData>;
    async fn wait(&self);
}

#[derive(Default)]
struct Methods {
    notes: Mutex<Vec<String>>,
    interrupted: AtomicU32,
}

/// Counts a call whose handler was dropped.
struct Interrupted<'a>(&'a AtomicU32);

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Demo for Methods {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, DemoError> {
        let both = a.checked_add(b).zip(a.checked_sub(b));
        let (sum, diff) = both.ok_or(DemoError::Overflow { a, b })?;
        Ok(SumDiff { sum, diff })
    }

    fn echo(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }

    fn optional(&self, text: &str, suffix: Option<String>) -> String {
        format!("{text}{}", suffix.as_deref().unwrap_or("!"))
    }

    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(0..to)
    }

    fn stop(&self, at: u32) -> Result<impl Stream<Item = Result<u32, DemoError>>, DemoError> {
        if at == 0 {
            return Err(DemoError::Stopped(0));
        }
        let items = (0..at).map(Ok).chain([Err(DemoError::Stopped(at))]);
        Ok(tokio_stream::iter(items.collect::<Vec<_>>()))
    }

    async fn total(&self, factor: u64, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0_u64;
        while let Some(Ok(number)) = numbers.next().await {
            total = total.wrapping_add(number.wrapping_mul(factor));
        }
        total
    }

    fn double(&self, numbers: Receiver<u64>) -> impl Stream<Item = u64> {
        numbers.filter_map(|number| Some(number.ok()?.wrapping_mul(2)))
    }

    async fn wait(&self) {
        let _interrupted = Interrupted(&self.interrupted);
        std::future::pending::<()>().await;
    }

    fn interrupted(&self) -> u32 {
        self.interrupted.load(Ordering::Relaxed)
    }

    async fn limited(&self) {
        std::future::pending::<()>().await;
    }

    fn note(&self, text: String) {
        self.notes.lock().expect("no panic while noting").push(text);
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().expect("no panic while noting").clone()
    }

    fn panics(&self) {
        panic!("on purpose");
    }

    async fn sleep(&self, millis: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }

    fn metadata(&self, cx: &CallContext, key: &str) -> Option<String> {
        let value = cx.metadata().get(key)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn deadline(&self, cx: &CallContext) -> Option<u64> {
        let deadline = cx.deadline()?;
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
    }

    async fn greet_me(&self, cx: &CallContext, name: &str) -> Result<String, ErrorData> {
        let page = PageClient::new(cx.caller()).with_json();
        page.greet(name).await.map_err(error_data)
    }

    async fn collect(&self, cx: &CallContext, to: u32) -> Vec<u64> {
        let page = PageClient::new(cx.caller()).with_json();
        let mut collected = Vec::new();
        if let Ok(mut items) = page.count(to).await {
            while let Some(Ok(item)) = items.next().await {
                collected.push(item);
            }
        }
        collected
    }

    async fn feed(&self, cx: &CallContext, to: u64) -> Result<u64, ErrorData> {
        let page = PageClient::new(cx.caller()).with_json();
        page.total(tokio_stream::iter(0..to))
            .await
            .map_err(error_data)
    }

    async fn cancel_me(&self, cx: &CallContext) {
        let page = PageClient::new(cx.caller()).with_json();
        let _cancelled = tokio::time::timeout(Duration::from_millis(20), page.wait()).await;
    }
}

/// Passes an error of the caller back to it.
fn error_data(error: MethodError<ErrorData>) -> ErrorData {
    match error {
        MethodError::Handler(error) => error,
        MethodError::Call(error) => error.to_string().into(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let server = bind("ws://127.0.0.1:0/chirp", &[]).await?;
            let address = server.endpoint().to_string();
            let mut result = Ok(());
            server
                .run_until(async { result = call(&address).await })
                .await;
            result
        }
        ["serve", address, ref origins @ ..] => {
            let server = bind(address, origins).await?;
            println!("listening on {}", server.endpoint());
            server.run_until(tokio::signal::ctrl_c()).await;
            Ok(())
        }
        ["gateway", address, http] => {
            let gateway = Gateway::new()
                .service(DemoServer::new(Methods::default()))
                .bind(http)
                .await?;
            let origin = gateway.url().ok_or("no URL")?;
            let server = bind(address, &[&origin]).await?;
            println!("listening on {} {origin}", server.endpoint());
            let running = tokio::spawn(gateway.run());
            server.run_until(tokio::signal::ctrl_c()).await;
            running.abort();
            Ok(())
        }
        _ => Err("usage: typescript | typescript serve ADDRESS [ORIGIN..] | typescript gateway ADDRESS HTTP".into()),
    }
}

async fn bind(address: &str, origins: &[&str]) -> Result<Server, Box<dyn Error>> {
    let settings = origins.iter().fold(WebSocket::new(), |settings, origin| {
        settings.allow_origin(origin)
    });
    Ok(Server::builder()
        .reflect()
        .service(DemoServer::new(Methods::default()))
        .scheme("ws", settings)
        .bind(address)
        .await?)
}

async fn call(address: &str) -> Result<(), Box<dyn Error>> {
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let peer = builder.connect(address).await?;
    let demo = DemoClient::new(&peer).with_json();
    let result = demo.sum_diff(100, 250).await?;
    println!("over {address}: sum_diff(100, 250) = {result:?}");
    let mut items = demo.count(3).await?;
    while let Some(item) = items.next().await {
        println!("  item {}", item?);
    }
    Ok(())
}
