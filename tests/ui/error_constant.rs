const ONE: u16 = 1;
const NONE: u16 = 0;
const OURS: u16 = 0xC701;
const WIDE: u32 = 5;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("failed")]
enum Failed {
    #[chirp(code = 1)] First,
    #[chirp(code = ONE)] Again,
    #[chirp(code = NONE)] Zero,
    #[chirp(code = 0)] ZeroAgain,
    #[chirp(code = OURS)] Reserved,
    #[chirp(code = WIDE)] Wide,
    #[chirp(code = MISSING)] Missing,
}

fn main() {}
