#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(code = 1)]
    Two(#[chirp(data)] String, u64),
    #[chirp(code = 2)]
    Borrowed(&'static str),
    #[chirp(code = 3)]
    Typo(#[chirp(date)] String),
}

fn main() {}
