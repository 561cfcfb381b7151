#[chirp::service]
trait Arith {
    /// Adds.
    pub async fn sum(&self, a: u64, b: u64) -> u64;
}

async fn sum(arith: &impl Arith) -> u64 {
    arith.sum(1, 2).await
}

fn main() {}
