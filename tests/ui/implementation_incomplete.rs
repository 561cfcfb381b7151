#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
    async fn sum(&self, a: u64, b: u64) -> u64;
}

struct Calculator;

impl Arith for Calculator {
    fn version(&self) -> u32 {
        1
    }
}

fn main() {}
