type Reply<T> = Result<T, u32>;

#[chirp::service]
trait Arith {
    async fn hidden(&self) -> Reply<u64>;
}

fn main() {}
