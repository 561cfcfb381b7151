#[chirp::service]
trait Arith {
    async fn text(&self, text: str) -> str;
    async fn bytes(&self, bytes: [u8]) -> [u8];
    async fn unnamed(&self, _: u64);
}

fn main() {}
