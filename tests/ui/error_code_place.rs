#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(17)]
struct Bare;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[chirp(code = 17)]
enum Whole {
    #[error("one")]
    One,
    #[error("two")]
    Two,
}

fn main() {}
