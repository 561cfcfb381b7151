struct Calculator;

#[chirp::service]
impl Calculator {
    fn version(&self) -> u32 {
        1
    }
}

fn main() {}
