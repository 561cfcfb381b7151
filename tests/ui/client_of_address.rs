#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

fn clients() {
    let address = "tcp://127.0.0.1:9000";
    let _ = ArithClient::new(address);
    let _ = ArithClient::new(chirp::connect(address));
}

fn main() {}
