//! Serves a service, and its metrics to a Prometheus scraper.
//!
//! ```console
//! cargo run --manifest-path examples/observed/Cargo.toml -- tcp://127.0.0.1:9000 127.0.0.1:9100
//! curl http://127.0.0.1:9100/metrics
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use chirp::layer::{ConcurrencyLimit, LATENCY_BOUNDS, MethodMetrics};
use chirp::{Server, SharedMetrics};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Does arithmetic.
#[chirp::service]
pub trait Arith {
    /// Returns `a` / `b`.
    async fn divide(&self, a: u64, b: u64) -> Result<u64, String>;
}

struct Calculator;

impl Arith for Calculator {
    async fn divide(&self, a: u64, b: u64) -> Result<u64, String> {
        a.checked_div(b)
            .ok_or_else(|| "division by zero".to_owned())
    }
}

/// How often the numbers of connections are published. Those of methods are recorded with each call.
const INTERVAL: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "tcp://127.0.0.1:9000".to_owned());
    let scraped: SocketAddr = match arguments.next() {
        Some(address) => address.parse().context("the address of the metrics")?,
        None => ([127, 0, 0, 1], 9100).into(),
    };
    // Before the first call: the handles of a method are made then.
    PrometheusBuilder::new()
        .with_http_listener(scraped)
        .set_buckets_for_metric(
            Matcher::Full("chirp_method_duration_seconds".to_owned()),
            &LATENCY_BOUNDS,
        )?
        .install()?;

    let connections = SharedMetrics::new();
    let published = connections.clone();
    tokio::spawn(async move {
        loop {
            published.publish();
            tokio::time::sleep(INTERVAL).await;
        }
    });

    let server = Server::builder()
        .configure_peers(|peers| peers.metrics(&connections))
        .layer(MethodMetrics::new())
        .layer(ConcurrencyLimit::new(1000))
        .service(ArithServer::new(Calculator))
        .bind(&*address)
        .await?;
    println!(
        "serving {}, metrics at http://{scraped}/metrics",
        server.endpoint()
    );
    server
        .run_until(async {
            // Without a signal handler the program serves until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await;
    Ok(())
}
