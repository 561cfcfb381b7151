use std::sync::Arc;

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

fn serve() {
    let _ = ArithServer::new(Arc::new(Calculator));
    let _ = ArithClient::local(Arc::new(Calculator));
}

fn main() {}
