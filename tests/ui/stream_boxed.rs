use std::pin::Pin;

#[chirp::service]
trait Feed {
    async fn lines(&self) -> Pin<Box<dyn futures_core::Stream<Item = String>>>;
    async fn ticks(&self) -> tokio::sync::mpsc::Receiver<u64>;
    fn later(&self) -> Pin<Box<dyn Future<Output = u64>>>;
}

fn main() {}
