use chirp::{ItemError, Receiver, Sender};

#[chirp::service]
trait Numbers {
    async fn sum(&self, items: impl Stream<Item = u64>) -> u64;
    async fn max(&self, items: BoxStream<'static, u64>) -> u64;
    async fn min(&self, items: Pin<Box<dyn Stream<Item = u64> + Send>>) -> u64;
    async fn all(&self, items: &Receiver<u64>) -> u64;
    async fn any(&self, items: &mut Receiver<u64>) -> u64;
    async fn fill(&self, items: &mut Sender<u64>);
    async fn fallible(&self, items: Receiver<u64, ItemError<String>>) -> u64;
    async fn borrowed(&self, items: Receiver<&str>) -> u64;
}

fn main() {}
