#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum Failed {
    #[error("no file: {0}")]
    #[chirp(code = 1)]
    Io(#[from] std::io::Error),
}

fn main() {}
