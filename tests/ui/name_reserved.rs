#[chirp::service(name = "chirp")]
trait Arith {
    fn sum(&self);
}

fn main() {}
