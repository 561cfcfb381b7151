#[chirp::service]
trait Arith {
    fn any(&self, value: impl Into<u64>);
    fn object(&self, value: Box<dyn Send>);
    fn function(&self, value: fn());
    fn pointer(&self, value: *const u8);
    fn own(&self, value: Self);
    fn context(&self, cx: chirp::CallContext);
}

fn main() {}
