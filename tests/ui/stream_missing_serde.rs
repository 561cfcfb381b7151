use chirp::Receiver;
use futures_core::Stream;

pub struct Row;

#[chirp::service]
trait Table {
    async fn rows(&self) -> impl Stream<Item = Row>;
    async fn lists(&self) -> impl Stream<Item = Vec<Row>>;
    async fn either(&self) -> impl Stream<Item = Result<Row, String>>;
}

#[chirp::service]
trait Sink {
    async fn put(&self, rows: Receiver<Row>);
}

fn main() {}
