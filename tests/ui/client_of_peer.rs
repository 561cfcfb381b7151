#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

fn client(peer: chirp::Peer) -> ArithClient {
    ArithClient::new(peer)
}

fn main() {}
