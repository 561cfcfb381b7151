#[derive(serde::Serialize, serde::Deserialize)]
struct Point(u8, u8);

#[chirp::service(codec = chirp::codec::Raw)]
trait Points {
    async fn get(&self, name: Option<&str>) -> Point;
}

fn main() {}
