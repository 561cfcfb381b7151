#[derive(Debug)]
struct Plain;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(code = 1)]
struct Failed(u64, Plain);

fn main() {}
