#[chirp::service]
trait Count {
    async fn next(&self) -> u64;
}

impl Count for std::sync::Mutex<u64> {
    async fn next(&self) -> u64 {
        let mut count = self.lock().unwrap();
        tokio::task::yield_now().await;
        *count += 1;
        *count
    }
}

fn main() {}
