#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

struct Calculator;

#[chirp::service]
impl Arith for Calculator {
    fn version(&self) -> u32 {
        1
    }
}

fn main() {}
