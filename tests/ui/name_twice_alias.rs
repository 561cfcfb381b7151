#[chirp::service]
trait Arith {
    fn sum(&self);
    #[chirp(alias = "plus", alias = "sum")]
    fn add(&self);
    fn sum(&self, a: u64);
}

fn main() {}
