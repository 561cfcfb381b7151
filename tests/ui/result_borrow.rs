#[chirp::service]
trait Names {
    fn name(&self) -> &str;
    async fn names(&self) -> Result<Vec<&str>, chirp::packet::ErrorData>;
    fn slice(&self) -> &[u64];
    fn cow(&self) -> std::borrow::Cow<'_, str>;
    fn own(&self) -> Self;
}

fn main() {}
