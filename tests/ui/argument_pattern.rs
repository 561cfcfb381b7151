#[chirp::service]
trait Arith {
    fn tuple(&self, (a, b): (u64, u64));
    fn nothing(&self, _: u64);
    fn mutable(&self, mut a: u64) {
        a += 1;
    }
    fn conditional(&self, #[cfg(unix)] a: u64);
    fn optional(&self, #[serde(default)] a: u64);
}

fn main() {}
