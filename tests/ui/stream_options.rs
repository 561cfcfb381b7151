use chirp::Receiver;

#[chirp::service]
trait Numbers {
    #[chirp(oneway)]
    async fn count(&self) -> impl Stream<Item = u64>;
    #[chirp(oneway)]
    async fn log(&self, lines: Receiver<String>);
    #[chirp(blocking)]
    fn read(&self) -> impl Stream<Item = u64>;
    #[chirp(blocking)]
    fn write(&self, bytes: Receiver<Vec<u8>>);
    #[chirp(idempotent)]
    async fn total(&self, numbers: Receiver<u64>) -> u64;
}

fn main() {}
