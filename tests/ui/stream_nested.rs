#[chirp::service]
trait Numbers {
    async fn many(&self) -> Vec<impl Stream<Item = u64>>;
    async fn perhaps(&self) -> Option<BoxStream<'static, u64>>;
    async fn pair(&self) -> (u64, impl Stream<Item = u64>);
    async fn of_streams(&self) -> impl Stream<Item = impl Stream<Item = u64>>;
    async fn failure(&self) -> Result<u64, impl Stream<Item = u64>>;
    async fn total(&self, sources: Vec<impl Stream<Item = u64>>) -> u64;
}

fn main() {}
