#[chirp::service(codec = String)]
trait Arith {
    async fn sum(&self, a: u64, text: &str) -> u64;
    async fn fails(&self) -> Result<(), String>;
}

fn main() {}
