#[chirp::service]
trait Log {
    #[chirp(oneway)]
    async fn log(&self, line: &str) -> u64;
}

fn main() {}
