use futures_core::Stream;

type Row = Result<u64, std::io::Error>;
type Text = Result<u64, String>;

#[chirp::service]
trait Table {
    async fn texts(&self) -> impl Stream<Item = Text>;
}

#[chirp::service]
trait List {
    async fn rows(&self) -> impl Stream<Item = Row>;
}

fn main() {}
