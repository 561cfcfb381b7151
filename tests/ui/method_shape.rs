#[chirp::service]
trait Arith {
    fn generic<T>(&self, value: T);
    fn lifetime<'a>(&self, value: &'a str);
    fn clause(&self) where Self: Sized;
    unsafe fn promise(&self);
    extern "C" fn foreign(&self);
}

fn main() {}
