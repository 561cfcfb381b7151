#[chirp::service]
trait Arith {
    #[chirp(deadline = "5")]
    fn without_unit(&self);
    #[chirp(deadline = "1.5s")]
    fn fraction(&self);
    #[chirp(deadline = "0ms")]
    fn zero(&self);
    #[chirp(deadline = 5)]
    fn number(&self);
    #[chirp(deadline = "99999999999999h")]
    fn beyond(&self);
}

fn main() {}
