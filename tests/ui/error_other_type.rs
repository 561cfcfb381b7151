#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(other)]
    Text(String),
}

fn main() {}
