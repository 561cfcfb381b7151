#[chirp::service]
unsafe trait Store<K> where K: Sized {
    const LIMIT: usize;
    type Value;
    fn get(&self);
}

fn main() {}
