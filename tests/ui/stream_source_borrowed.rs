use chirp::Receiver;

#[chirp::service]
trait Numbers {
    async fn total(&self, numbers: Receiver<u64>) -> u64;
}

async fn calls(client: &NumbersClient, numbers: Vec<u64>) {
    let total = client.total(tokio_stream::iter(numbers.iter().copied()));
    let _ = total.await;
}

fn main() {}
