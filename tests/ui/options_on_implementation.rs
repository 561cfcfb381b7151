#[chirp::service]
trait Arith {
    fn version(&self) -> u32;
}

impl Arith for () {
    #[chirp(name = "v")]
    fn version(&self) -> u32 {
        1
    }
}

fn main() {}
