#[chirp::service]
trait Arith {
    async fn parse(&self, text: &str) -> Result<u64, std::num::ParseIntError>;
    async fn any(&self) -> anyhow::Result<u64>;
}

fn main() {}
