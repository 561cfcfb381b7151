#[chirp::service]
trait Arith {
    fn deep(&self, names: Vec<&str>);
    fn deeper(&self, names: &[&str], pairs: (u8, &[u8]));
    fn forever(&self, name: &'static str);
    fn mutable(&self, name: &mut String);
    fn inside(&self, key: Key<'_>);
}
struct Key<'a>(&'a str);

fn main() {}
