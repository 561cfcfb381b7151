#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(code = "17")]
    Text,
    #[chirp(code = -1)]
    Negative,
    #[chirp(code(17))]
    Call,
    #[chirp()]
    Nothing,
}

fn main() {}
