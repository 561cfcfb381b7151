use chirp::codec::Raw as Plain;

#[chirp::service(codec = chirp::codec::Raw)]
trait Store {
    async fn two(&self, key: &[u8], value: &[u8]);
}

#[chirp::service(codec = Plain)]
trait Renamed {
    async fn two(&self, key: &[u8], value: &[u8]);
}

fn main() {}
