#[chirp::service]
trait Arith {
    fn sum(&self);
    #[chirp(name = "sum")]
    fn add(&self);
    #[chirp(alias = "add", alias = "minus", alias = "minus")]
    fn subtract(&self);
    fn sum_diff(&self);
    #[allow(non_snake_case)]
    fn sumDiff(&self);
}

fn main() {}
