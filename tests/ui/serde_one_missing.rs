#[derive(serde::Serialize)]
pub struct Written;

#[derive(serde::Deserialize)]
pub struct Read;

#[chirp::service]
pub trait Arith {
    async fn written(&self, value: Written);
    async fn read(&self, value: Read);
    async fn returned(&self) -> Read;
}

fn main() {}
