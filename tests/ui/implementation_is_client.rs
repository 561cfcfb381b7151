#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

fn total(_: &impl Arith) {}

fn call(peer: &chirp::Peer) {
    total(&ArithClient::new(peer));
}

fn main() {}
