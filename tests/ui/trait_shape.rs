#[chirp::service]
unsafe trait Store<'a, K, const N: usize> where Self: Sized, K: Sized {
    const LIMIT: usize;
    type Value;
    fn get(&self);
}

fn main() {}
