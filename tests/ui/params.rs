#[chirp::service]
trait Editor {
    #[chirp(params)]
    fn none(&self, cx: &chirp::CallContext);
    #[chirp(params)]
    fn two(&self, a: u8, b: u8);
    #[chirp(params)]
    fn stream(&self, items: chirp::Receiver<u8>);
    #[chirp(params, named)]
    fn both(&self, a: u8);
    #[chirp(params)]
    fn renamed(&self, #[serde(rename = "b")] a: u8);
    #[chirp(params = true)]
    fn value(&self, a: u8);
}

fn main() {}
