use std::pin::Pin;

#[chirp::service]
trait Feed {
    async fn lines(&self) -> Pin<Box<dyn futures_core::Stream<Item = String> + Send>>;
    async fn words(&self) -> BoxStream<'_, String>;
    async fn pages(&self) -> Result<BoxStream<'_, Vec<u8>>, String>;
    async fn tries(&self) -> impl TryStream<Ok = u64, Error = String>;
    fn later(&self) -> Pin<Box<dyn Future<Output = u64>>>;
    fn sooner(&self) -> impl Future<Output = u64>;
}

fn main() {}
