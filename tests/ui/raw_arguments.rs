#[chirp::service(codec = chirp::codec::Raw)]
trait Store {
    async fn good(&self, key: &[u8]) -> String;
    async fn two(&self, key: &[u8], value: &[u8]);
    async fn number(&self, key: u64) -> u64;
    async fn perhaps(&self, key: Option<&str>);
}

fn main() {}
