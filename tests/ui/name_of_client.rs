#[chirp::service]
trait Registry {
    fn new(&self);
    fn clone(&self);
    fn local(&self);
    fn named(&self, name: &str);
    fn check_compatibility(&self);
    fn prefixed(&self);
    fn into(&self) -> u8;
    fn with_json(&self);
}

fn main() {}
