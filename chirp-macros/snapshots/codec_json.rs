#[chirp::service(codec = chirp::codec::Json)]
pub trait CodecJson {
    async fn add(&self, a: u64, b: u64) -> Result<u64, String>;
}
