#[chirp::service(codec = chirp::codec::Raw)]
trait Store {
    async fn good(&self, key: &[u8]) -> String;
    async fn number(&self, key: u64) -> u64;
    async fn perhaps(&self, key: Option<&str>);
}

fn main() {}
