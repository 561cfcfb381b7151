use chirp::CallContext;

#[chirp::service]
trait Arith {
    async fn changed(&self, cx: &mut CallContext);
    async fn perhaps(&self, cx: Option<&CallContext>);
    async fn result(&self) -> CallContext;
    async fn sent(&self, all: Vec<CallContext>);
}

fn main() {}
