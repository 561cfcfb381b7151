#[chirp::service]
trait Arith {
    async fn ratio(&self, a: u64, b: u64) -> Result<u64, String>;
}

async fn check(client: &ArithClient) -> bool {
    client.ratio(4, 2).await == Ok(2)
}

fn main() {}
