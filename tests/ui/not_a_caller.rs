#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

fn main() {
    let _ = ArithClient::new(&"tcp://127.0.0.1:9000");
}
