#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(code = 1)]
struct Failed(#[chirp(data)] u64);

fn main() {}
