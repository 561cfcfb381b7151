#[chirp::service]
trait Arith: Sized {
    fn by_value(self);
    fn by_mut(&mut self);
    fn by_arc(self: std::sync::Arc<Self>);
    fn none();
    fn not_self(a: u64);
}

fn main() {}
