use chirp::packet::ErrorData;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(jsonrpc = -32801)]
    ContentModified,
    #[chirp(code = 17, jsonrpc = -32801)]
    Again,
    #[chirp(code = 404, jsonrpc = 404)]
    Same,
    #[chirp(code = 18, jsonrpc = -32900)]
    Low,
    #[chirp(jsonrpc = 32637)]
    High,
    #[chirp(jsonrpc = -14592)]
    Reserved,
    #[chirp(jsonrpc = "-1")]
    Text,
    #[chirp(jsonrpc)]
    Nothing,
    #[chirp(code = 32734)]
    Code,
    #[chirp(jsonrpc = -32802)]
    Number,
    #[chirp(other, jsonrpc = -1)]
    Other(ErrorData),
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(jsonrpc = -32801)]
enum Whole {
    #[chirp(code = 1)]
    One,
}

const CANCELLED: u16 = 32736;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Constant {
    #[chirp(jsonrpc = -32800)]
    Number,
    #[chirp(code = CANCELLED)]
    Code,
}

fn main() {}
