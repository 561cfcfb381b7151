use futures_core::Stream;

pub struct Failure;

#[chirp::service]
trait Table {
    async fn rows(&self) -> impl Stream<Item = Result<u64, Failure>>;
}

#[chirp::service]
trait List {
    async fn rows(&self) -> Result<impl Stream<Item = u64>, Failure>;
}

fn main() {}
