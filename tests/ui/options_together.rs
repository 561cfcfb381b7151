#[chirp::service]
trait Arith {
    #[chirp(blocking)]
    async fn waits(&self);
    #[chirp(oneway, deadline = "5s")]
    fn log(&self, line: &str);
}

fn main() {}
