#[chirp::service]
trait Arith {
    #[cfg(all())]
    fn sum(&self);
    #[cfg(not(any()))]
    #[chirp(name = "sum")]
    fn add(&self);
    #[cfg(any())]
    #[chirp(name = "sum")]
    fn absent(&self);
}

fn main() {}
