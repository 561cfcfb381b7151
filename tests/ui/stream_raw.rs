use chirp::Receiver;
use chirp::codec::Raw as Bytewise;
use futures_core::Stream;

#[chirp::service(codec = chirp::codec::Raw)]
trait Out {
    async fn pieces(&self) -> impl Stream<Item = Vec<u8>>;
}

#[chirp::service(codec = Bytewise)]
trait In {
    async fn pieces(&self, pieces: Receiver<Vec<u8>>);
}

fn main() {}
