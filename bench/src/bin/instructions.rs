//! Makes calls for counting instructions: `instructions CALLS`.
//!
//! Client and server run on one thread over memory, so that runs are reproducible. `instructions.sh` subtracts two
//! runs to exclude the start of the program.

use chirp::PeerBuilder;
use chirp::channel::memory;
use chirp_bench::system::Result;

#[chirp::service]
pub trait Arith {
    async fn add(&self, a: u64, b: u64) -> u64;
}

struct Adder;

impl Arith for Adder {
    async fn add(&self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let calls = std::env::args().nth(1).ok_or("usage: instructions CALLS")?;
    let calls: u64 = calls.parse()?;
    let (near, far) = memory();
    let _server = PeerBuilder::new()
        .service(ArithServer::new(Adder))
        .start(far)?;
    let peer = PeerBuilder::new().start(near)?;
    let client = ArithClient::new(&peer);
    for number in 0..calls {
        let sum = client.add(number, 1).await?;
        if sum != number + 1 {
            return Err(format!("{number} and 1 became {sum}").into());
        }
    }
    Ok(())
}
