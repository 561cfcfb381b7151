#[chirp::service(name = "chirp.arith")]
trait Arith {
    fn sum(&self);
    fn difference(&self);
}

fn main() {}
