pub struct Plain;

#[chirp::service]
pub trait Arith {
    async fn one(&self, a: u64, plain: Plain) -> u64;
    async fn lent(&self, plain: &Plain);
    async fn slice(&self, plain: &[Plain]);
    async fn result(&self) -> Plain;
    async fn fallible(&self) -> Result<Plain, chirp::packet::ErrorData>;
}

fn main() {}
