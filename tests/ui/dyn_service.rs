#[chirp::service]
trait Arith {
    async fn sum(&self, a: u64, b: u64) -> u64;
}

fn choose(_: Box<dyn Arith>) {}

fn main() {}
