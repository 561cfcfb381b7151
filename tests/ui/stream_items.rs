use std::borrow::Cow;

#[chirp::service]
trait Words {
    async fn anything(&self) -> impl Stream;
    async fn lent(&self) -> impl Stream<Item = &str>;
    async fn perhaps_lent(&self) -> Result<impl Stream<Item = Cow<'_, str>>, std::io::Error>;
    async fn lent_inside(&self) -> impl Stream<Item = Result<&[u8], std::io::Error>>;
    async fn lent_deeper(&self) -> impl Stream<Item = (u64, &str)>;
    async fn opaque(&self) -> impl Stream<Item = impl ToString>;
}

fn main() {}
