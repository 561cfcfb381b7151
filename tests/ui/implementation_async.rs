#[chirp::service]
trait Arith {
    fn plain(&self) -> u64;
    async fn waits(&self) -> u64;
}

#[rustfmt::skip]
impl Arith for () {
    async fn plain(&self) -> u64 { 1 }
    fn waits(&self) -> u64 { 2 }
}

fn main() {}
