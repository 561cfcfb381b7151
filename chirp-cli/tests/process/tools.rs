use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use chirp::{CallContext, Receiver, Server, ServerBuilder, ServerHandle};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::{Stream, StreamExt};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SumDiff {
    sum: i64,
    diff: i64,
}

/// An order with its lines.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    id: u64,
    lines: Vec<Line>,
    #[serde(default)]
    color: Option<Color>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    name: String,
    count: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Color {
    Red,
    Rgb(u8, u8, u8),
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
pub(crate) enum ToolsError {
    /// The result is out of range.
    #[error("{a} and {b} overflow")]
    #[chirp(code = 17)]
    Overflow { a: i64, b: i64 },
    #[error("nothing is left")]
    #[chirp(code = 18)]
    Empty,
}

/// Tools of every kind.
///
/// The second paragraph.
#[chirp::service]
pub(crate) trait Tools {
    /// Returns the sum and the difference.
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ToolsError>;
    async fn text(&self, text: &str) -> String;
    async fn flag(&self, on: bool) -> bool;
    async fn ratio(&self, ratio: f64) -> f64;
    async fn letter(&self, letter: char) -> char;
    async fn big(&self, number: u128) -> u128;
    async fn maybe(&self, count: Option<u32>) -> Option<u32>;
    async fn items(&self, items: Vec<u32>) -> Vec<u32>;
    async fn pair(&self, pair: (u8, bool)) -> (u8, bool);
    async fn table(&self, table: BTreeMap<String, u32>) -> BTreeMap<String, u32>;
    async fn paint(&self, color: Color) -> Color;
    /// Returns the order as it came.
    async fn order(&self, order: Order, note: Option<String>) -> Order;
    /// Places an order, whose fields are the parameters.
    #[chirp(params)]
    async fn place(&self, order: Order) -> u64;
    async fn resolve(&self, ip: IpAddr) -> IpAddr;
    /// Returns the bytes in the reverse order.
    async fn reverse(&self, data: &[u8]) -> Vec<u8>;
    async fn nothing(&self);
    #[chirp(oneway)]
    async fn log(&self, line: &str);
    #[chirp(idempotent, deadline = "20s")]
    async fn quick(&self) -> u32;
    #[deprecated = "use text"]
    async fn old(&self) -> u32;
    async fn metadata(&self, cx: &CallContext) -> String;
    async fn panic(&self);
    async fn secret(&self) -> u32;
    /// Never ends.
    async fn hang(&self);
    /// Counts up to a number.
    async fn count(&self, to: u32) -> impl Stream<Item = u32>;
    /// Counts for ever.
    async fn endless(&self) -> impl Stream<Item = u64>;
    /// Fails after some items.
    async fn broken(&self, after: u32) -> impl Stream<Item = Result<u32, ToolsError>>;
    /// Returns this many bytes.
    async fn read(&self, size: u32) -> impl Stream<Item = Bytes>;
    /// Returns the number of bytes.
    async fn store(&self, name: &str, data: Receiver<Bytes>) -> Result<String, chirp::StreamError>;
    async fn sum(&self, numbers: Receiver<u32>) -> Result<u64, chirp::StreamError>;
    /// Reads nothing, and fails.
    async fn refuse(&self, data: Receiver<Bytes>) -> Result<(), ToolsError>;
    /// Doubles numbers as they arrive.
    async fn double(&self, numbers: Receiver<u32>) -> impl Stream<Item = u32>;
}

/// The implementation, which reports what happens.
pub(crate) struct Toolbox(UnboundedSender<String>);

/// Reports when it is dropped.
struct Report(UnboundedSender<String>, &'static str);

impl Drop for Report {
    fn drop(&mut self) {
        drop(self.0.send(self.1.to_owned()));
    }
}

impl Tools for Toolbox {
    async fn sum_diff(&self, a: i64, b: i64) -> Result<SumDiff, ToolsError> {
        let both = a.checked_add(b).zip(a.checked_sub(b));
        let (sum, diff) = both.ok_or(ToolsError::Overflow { a, b })?;
        Ok(SumDiff { sum, diff })
    }

    async fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    async fn flag(&self, on: bool) -> bool {
        on
    }

    async fn ratio(&self, ratio: f64) -> f64 {
        ratio
    }

    async fn letter(&self, letter: char) -> char {
        letter
    }

    async fn big(&self, number: u128) -> u128 {
        number
    }

    async fn maybe(&self, count: Option<u32>) -> Option<u32> {
        count
    }

    async fn items(&self, items: Vec<u32>) -> Vec<u32> {
        items
    }

    async fn pair(&self, pair: (u8, bool)) -> (u8, bool) {
        pair
    }

    async fn table(&self, table: BTreeMap<String, u32>) -> BTreeMap<String, u32> {
        table
    }

    async fn paint(&self, color: Color) -> Color {
        color
    }

    async fn order(&self, order: Order, note: Option<String>) -> Order {
        drop(self.0.send(format!("{note:?}")));
        order
    }

    async fn place(&self, order: Order) -> u64 {
        order.id
    }

    async fn resolve(&self, ip: IpAddr) -> IpAddr {
        ip
    }

    async fn reverse(&self, data: &[u8]) -> Vec<u8> {
        data.iter().rev().copied().collect()
    }

    async fn nothing(&self) {}

    async fn log(&self, line: &str) {
        drop(self.0.send(line.to_owned()));
    }

    async fn quick(&self) -> u32 {
        1
    }

    async fn old(&self) -> u32 {
        2
    }

    async fn metadata(&self, cx: &CallContext) -> String {
        let value = cx.metadata().get("user").unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    }

    async fn panic(&self) {
        panic!("as the test wants it");
    }

    async fn secret(&self) -> u32 {
        42
    }

    async fn hang(&self) {
        let _report = Report(self.0.clone(), "hang ended");
        drop(self.0.send("hang began".to_owned()));
        std::future::pending::<()>().await;
    }

    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(1..=to)
    }

    async fn endless(&self) -> impl Stream<Item = u64> {
        let report = Report(self.0.clone(), "endless ended");
        tokio_stream::iter(0..).map(move |item| {
            let _ = &report;
            item
        })
    }

    async fn broken(&self, after: u32) -> impl Stream<Item = Result<u32, ToolsError>> {
        tokio_stream::iter(1..=after)
            .map(Ok)
            .chain(tokio_stream::once(Err(ToolsError::Empty)))
    }

    async fn read(&self, size: u32) -> impl Stream<Item = Bytes> {
        let pieces = (0..size).step_by(1000);
        tokio_stream::iter(pieces.map(move |at| {
            let length = (size - at).min(1000);
            (at..at + length).map(|at| at.to_le_bytes()[0]).collect()
        }))
    }

    async fn store(
        &self,
        name: &str,
        mut data: Receiver<Bytes>,
    ) -> Result<String, chirp::StreamError> {
        let (mut length, mut sum) = (0, 0_u64);
        while let Some(piece) = data.recv().await {
            let piece = piece?;
            length += piece.len();
            sum += piece.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        }
        Ok(format!("{name} {length} {sum}"))
    }

    async fn sum(&self, mut numbers: Receiver<u32>) -> Result<u64, chirp::StreamError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += u64::from(number?);
        }
        Ok(sum)
    }

    async fn refuse(&self, _data: Receiver<Bytes>) -> Result<(), ToolsError> {
        Err(ToolsError::Empty)
    }

    async fn double(&self, numbers: Receiver<u32>) -> impl Stream<Item = u32> {
        numbers.map_while(Result::ok).map(|number| number * 2)
    }
}

/// A server of [`Tools`] that describes itself.
pub(crate) struct ToolServer {
    pub(crate) address: String,
    events: UnboundedReceiver<String>,
    _handle: Arc<ServerHandle>,
}

impl ToolServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(Server::builder().reflect(), "tcp://127.0.0.1:0").await
    }

    pub(crate) async fn start_with(builder: ServerBuilder, address: &str) -> Self {
        let (sender, events) = unbounded_channel();
        let server = builder
            .service(ToolsServer::new(Toolbox(sender)))
            .bind(address)
            .await
            .expect("a server");
        let address = server.endpoint().to_string();
        let handle = Arc::new(server.handle());
        tokio::spawn(server.run());
        Self {
            address,
            events,
            _handle: handle,
        }
    }

    /// Waits for the next thing that the implementation reports.
    pub(crate) async fn event(&mut self) -> String {
        self.events.recv().await.expect("an event")
    }
}
