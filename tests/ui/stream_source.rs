use chirp::Receiver;

#[chirp::service]
trait Numbers {
    async fn total(&self, numbers: Receiver<u64>) -> u64;
}

fn calls(client: &NumbersClient, texts: Receiver<String>) {
    let _ = client.total(vec![1, 2]);
    let _ = client.total(tokio_stream::iter([1_u8]));
    let _ = client.total(texts);
}

fn main() {}
