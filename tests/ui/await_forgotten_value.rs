#[chirp::service]
trait Arith {
    async fn sum(&self, a: u64, b: u64) -> u64;
}

async fn sum(client: &ArithClient) -> Result<u64, chirp::CallError> {
    let sum: u64 = client.sum(1, 2)?;
    Ok(sum)
}

fn main() {}
