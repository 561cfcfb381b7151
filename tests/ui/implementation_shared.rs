#[chirp::service]
trait Arith {
    fn version(&self) -> u32 {
        1
    }
}

struct Calculator;

impl Arith for Calculator {}

fn serve(shared: std::sync::Arc<Calculator>) {
    let _ = ArithServer::new(shared);
}

fn main() {}
