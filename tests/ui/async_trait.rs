#[async_trait::async_trait]
#[chirp::service]
trait Above {
    async fn a(&self, text: &str) -> u8;
}

#[chirp::service]
#[async_trait::async_trait]
trait Below {
    async fn a(&self, text: &str) -> u8;
}

fn main() {}
