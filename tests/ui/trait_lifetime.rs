#[chirp::service]
trait Store<'a> {
    async fn get(&self, key: &'a str) -> u64;
}

fn main() {}
