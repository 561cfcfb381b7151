#[chirp::service(codec = serde_json)]
trait Crate {
    async fn sum(&self, a: u64) -> u64;
}

#[chirp::service(codec = chirp::codec::Yaml)]
trait Unknown {
    async fn sum(&self, a: u64) -> u64;
}

fn main() {}
