#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("missing")]
#[chirp(code = 404)]
struct Missing;

#[chirp::service]
trait Store {
    async fn get(&self, key: &str) -> Result<u64, Missing>;
}

async fn get(store: &StoreClient) -> Result<u64, chirp::CallError> {
    Ok(store.get("k").await?)
}

fn main() {}
