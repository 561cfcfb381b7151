use std::io;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[error("no")]
#[chirp(code = 1)]
pub struct No;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Point(i64, i64);

#[chirp::service]
pub trait Results {
    fn unit(&self) -> ();
    fn bytes(&self) -> Option<Vec<u8>>;
    async fn value(&self) -> Point;
    async fn fails(&self) -> Result<Point, No>;
    async fn fails_by_another_name(&self) -> io::Result<Vec<u8>>;
}
