#[derive(serde::Serialize, serde::Deserialize)]
pub struct Key<'a>(&'a str);

#[chirp::service]
trait Store {
    async fn get(&self, key: &Key) -> u64;
}

fn main() {}
