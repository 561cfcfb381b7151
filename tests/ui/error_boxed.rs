use std::error::Error;

#[chirp::service]
trait Parse {
    async fn parse(&self, text: &str) -> Result<u64, Box<dyn Error>>;
    async fn any(&self, text: &str) -> Result<u64, Box<dyn std::fmt::Debug + Send + Sync>>;
}

fn main() {}
