//! One trace across three processes: a client, a shop, and the stock that the shop asks.
//!
//! ```console
//! cargo run --manifest-path examples/traced/Cargo.toml
//! ```
//!
//! Each process collects its spans with OpenTelemetry, and prints nothing. The client then asks the other two for their
//! spans, and prints those of the trace: process, span, span id, parent id.

mod propagator;
mod spans;

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use chirp::{CallContext, PeerBuilder, ReconnectingPeer, Server};
use tokio::process::{Child, Command};
use tracing::Instrument as _;

use propagator::OpenTelemetry;
use spans::{Collected, SpanLine, Spans, SpansClient, SpansServer};

type Failure = Box<dyn Error + Send + Sync>;

#[chirp::service]
trait Shop {
    /// Orders an item. Returns how many are left.
    async fn order(&self, item: &str, cx: &CallContext) -> Result<u32, String>;
}

#[chirp::service]
trait Stock {
    /// Takes an item. Returns how many are left.
    async fn take(&self, item: &str, cx: &CallContext) -> u32;
}

struct FrontShop {
    stock: StockClient,
}

impl Shop for FrontShop {
    async fn order(&self, item: &str, cx: &CallContext) -> Result<u32, String> {
        // The call's span is a child of this handler's. `within` passes the deadline and the metadata on, too.
        let taken = self.stock.take(item).within(cx);
        taken.await.map_err(|error| error.to_string())
    }
}

struct Shelf;

impl Stock for Shelf {
    async fn take(&self, item: &str, cx: &CallContext) -> u32 {
        tracing::debug_span!("count", item, tenant = cx.metadata().text("tenant")).in_scope(|| 6)
    }
}

/// A peer builder whose calls take part in traces.
fn peers() -> PeerBuilder {
    PeerBuilder::new()
        .propagator(OpenTelemetry)
        .inherit_metadata(["tenant"])
}

fn connect(address: &str) -> Result<ReconnectingPeer, Failure> {
    Ok(peers().reconnecting(address)?)
}

/// Serves the shop, or the stock, until this process is killed.
async fn serve(address: &str, stock: Option<&str>) -> Result<(), Failure> {
    let process = if stock.is_some() { "shop" } else { "stock" };
    let collected = Collected::install(process)?;
    let server = Server::builder()
        .configure_peers(|_| peers())
        .service(SpansServer::new(collected));
    let server = match stock {
        Some(stock) => {
            let stock = StockClient::new(&connect(stock)?);
            server.service(ShopServer::new(FrontShop { stock }))
        }
        None => server.service(StockServer::new(Shelf)),
    };
    server.bind(address).await?.run().await;
    Ok(())
}

/// Starts this program with arguments. It is killed when the value is dropped.
fn start(arguments: &[&str]) -> Result<Child, Failure> {
    Ok(Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}

/// Returns the spans of a trace in another process, once there are `count`.
async fn spans_of(
    peer: &ReconnectingPeer,
    trace: &str,
    count: usize,
) -> Result<Vec<SpanLine>, Failure> {
    let client = SpansClient::new(peer);
    loop {
        let mut spans = client.finished().await?;
        spans.retain(|span| span.trace == trace);
        if spans.len() >= count {
            return Ok(spans);
        }
        // A span ends just after the response has been sent.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn order(folder: PathBuf) -> Result<(), Failure> {
    let collected = Collected::install("client")?;
    let address = |name: &str| format!("unix://{}", folder.join(name).display());
    let (shop_at, stock_at) = (address("shop"), address("stock"));
    let _stock = start(&["stock", &stock_at])?;
    let _shop = start(&["shop", &shop_at, &stock_at])?;
    let (shop_peer, stock_peer) = (connect(&shop_at)?, connect(&stock_at)?);
    // The first call on a connection does not wait until the other side is known to support traces.
    for peer in [&shop_peer, &stock_peer] {
        peer.ready().await?.hello().await?;
    }
    let shop = ShopClient::new(&shop_peer).with_metadata("tenant", "blue");
    // The shop's own connection to the stock is new, too.
    shop.order("warm-up").await?;
    let checkout = tracing::info_span!("checkout");
    let left = async { shop.order("tea").timeout(Duration::from_secs(10)).await };
    let left = left.instrument(checkout.clone()).await?;
    assert_eq!(left, 6);
    drop(checkout);

    let mut spans = collected.finished().await;
    let root = spans.iter().rfind(|span| span.name == "checkout");
    let trace = root.ok_or("the span has not ended")?.trace.clone();
    spans.retain(|span| span.trace == trace);
    spans.reverse();
    spans.extend(spans_of(&shop_peer, &trace, 2).await?.into_iter().rev());
    spans.extend(spans_of(&stock_peer, &trace, 2).await?.into_iter().rev());
    println!("trace {trace}");
    for span in spans {
        println!(
            "{:6} {:9} {} {}",
            span.process, span.name, span.id, span.parent
        );
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["stock", address] => serve(address, None).await,
        ["shop", address, stock] => serve(address, Some(stock)).await,
        [] => {
            let folder = std::env::temp_dir().join(format!("chirp-traced-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            let done = order(folder.clone()).await;
            std::fs::remove_dir_all(&folder)?;
            done
        }
        _ => Err("usage: traced".into()),
    }
}
