#[derive(Debug, chirp::ServiceError)]
#[chirp(code = 1)]
struct Failed;

fn main() {}
