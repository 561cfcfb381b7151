#[chirp::service(oneway, deadline = "5s")]
trait Arith {
    #[chirp(ordered, codec = chirp::codec::Raw)]
    fn sum(&self, a: u64) -> u64;
}

fn main() {}
