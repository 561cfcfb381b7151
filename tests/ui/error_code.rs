#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
#[chirp(code = 9)]
enum Failed {
    None,
    #[chirp(code = 0)] Zero,
    #[chirp(code = 0)] ZeroAgain,
    #[chirp(code = 17)] One,
    #[chirp(code = 0x11)] Again,
    #[chirp(code = 0xC701)] Reserved,
    #[chirp(code = 65536)] Large,
    #[chirp(code = "17")] Text,
    #[chirp(kode = 18)] Typo,
}

fn main() {}
