#[chirp::service]
struct Arith;

fn main() {}
