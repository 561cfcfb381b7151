#[chirp::service]
trait Numbers {
    async fn count(&self) -> impl Stream<Item = u64>;
    async fn boxed(&self) -> BoxStream<'static, u64>;
    async fn total(&self, items: Receiver<u64>) -> u64;
    async fn sum(&self, items: impl Stream<Item = u64>) -> u64;
    fn later(&self) -> impl Future<Output = u64>;
}

fn main() {}
