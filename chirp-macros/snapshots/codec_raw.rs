#[chirp::service(name = "", codec = chirp::codec::Raw)]
pub trait CodecRaw {
    async fn get(&self, key: &[u8]) -> Result<Vec<u8>, String>;
}
