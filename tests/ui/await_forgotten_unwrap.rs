#[chirp::service]
trait Arith {
    async fn sum(&self, a: u64, b: u64) -> u64;
}

async fn sum(client: &ArithClient) -> u64 {
    client.sum(1, 2).unwrap() + client.sum(3, 4).expect("a sum")
}

fn main() {}
