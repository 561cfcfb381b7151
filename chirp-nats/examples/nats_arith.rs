//! The program of the guide page `nats`: a server, or a client with `call`. Needs a running `nats-server`.
//!
//! ```console
//! nats-server &
//! cargo run -p chirp-nats --example nats_arith &
//! cargo run -p chirp-nats --example nats_arith -- call
//! ```

use chirp_nats::Nats;

/// Arithmetic.
#[chirp::service]
trait Arith {
    /// Returns the sum of two numbers.
    async fn sum(&self, a: u64, b: u64) -> u64;
}

struct Calculator;

impl Arith for Calculator {
    async fn sum(&self, a: u64, b: u64) -> u64 {
        a + b
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nats = Nats::connect("nats://127.0.0.1:4222").await?;
    if std::env::args().any(|argument| argument == "call") {
        let arith = ArithClient::new(&nats);
        println!("1 + 2 = {}", arith.sum(1, 2).await?);
        return Ok(());
    }
    let server = nats.server().service(ArithServer::new(Calculator));
    let server = server.start().await?;
    println!("serving {:?}", server.subjects());
    tokio::signal::ctrl_c().await?;
    // Runs what was sent to this process, and loses no request.
    server.close().await?;
    Ok(())
}
