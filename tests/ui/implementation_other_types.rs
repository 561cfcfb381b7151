#[chirp::service]
trait Arith {
    async fn argument(&self, text: &str);
    async fn result(&self) -> u64;
}

#[rustfmt::skip]
impl Arith for () {
    async fn argument(&self, _: String) {}
    async fn result(&self) -> u32 { 2 }
}

fn main() {}
