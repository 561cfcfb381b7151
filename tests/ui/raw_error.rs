#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("{0}")]
#[chirp(code = 1)]
struct Code(u64);

#[chirp::service(codec = chirp::codec::Raw)]
trait Store {
    async fn get(&self, key: &[u8]) -> Result<String, Code>;
}

fn main() {}
