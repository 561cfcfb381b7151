mod other {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Result<T>(T);
}

#[chirp::service]
trait Arith {
    async fn one(&self) -> other::Result<u64>;
}

fn main() {}
