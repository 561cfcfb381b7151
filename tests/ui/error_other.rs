use chirp::packet::ErrorData;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(other)]
    Nothing,
    #[chirp(other, code = 5)]
    Coded(ErrorData),
    #[chirp(other)]
    Two(ErrorData, u8),
    #[chirp(other = 5)]
    Value(ErrorData),
    #[chirp(other)]
    Data(#[chirp(data)] Vec<u8>),
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(other)]
struct Whole(ErrorData);

fn main() {}
