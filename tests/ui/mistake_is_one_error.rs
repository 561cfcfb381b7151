#[chirp::service]
trait Arith {
    #[chirp(oneway, nonsense)]
    fn sum(&self, (a, b): (u64, u64));
}

struct Calculator;
impl Arith for Calculator {
    fn sum(&self, _: (u64, u64)) {}
}

fn main() {}
