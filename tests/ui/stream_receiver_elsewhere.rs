use tokio::sync::mpsc::Receiver;

#[chirp::service]
trait Numbers {
    async fn total(&self, numbers: Receiver<u64>) -> u64;
}

fn main() {}
