use std::borrow::Cow;

use bytes::Bytes;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Point(i64, i64);

#[chirp::service]
pub trait Arguments {
    fn none(&self);
    fn text(&self, a: &str, b: Option<&str>, c: Cow<'_, str>, d: String);
    fn bytes(&self, a: &[u8], b: Option<&[u8]>, c: Vec<u8>, d: Bytes, e: [u8; 4]);
    async fn values(&self, a: Point, b: &Point, c: Option<&Point>, d: &[Point], e: Vec<Point>);
    async fn unused(&self, _a: u8);
}
