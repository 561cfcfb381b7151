use chirp::packet::ErrorData;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(code = 1, http_status = 409)]
    Conflict,
    #[chirp(code = 2, http_status = 200)]
    Success,
    #[chirp(code = 3, http_status = 600)]
    High,
    #[chirp(code = 4, http_status = "404")]
    Text,
    #[chirp(code = 5, http_status)]
    Nothing,
    #[chirp(http_status = 404)]
    NoCode,
    #[chirp(other, http_status = 404)]
    Other(ErrorData),
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(http_status = 404)]
enum Whole {
    #[chirp(code = 1)]
    One,
}

fn main() {}
