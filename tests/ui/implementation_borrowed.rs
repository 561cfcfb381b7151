#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

struct Calculator;

impl Arith for Calculator {
    fn version(&self) -> u32 {
        1
    }
}

fn serve(calculator: &'static Calculator) {
    let _ = ArithServer::new(calculator);
}

fn main() {}
