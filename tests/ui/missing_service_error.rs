#[derive(Debug)]
pub struct Plain;

#[chirp::service]
pub trait Arith {
    async fn one(&self) -> Result<u64, Plain>;
    async fn text(&self) -> Result<u64, i32>;
}

fn main() {}
