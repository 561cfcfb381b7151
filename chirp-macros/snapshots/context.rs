use chirp::CallContext;

#[chirp::service]
pub trait Context {
    async fn first(&self, cx: &CallContext, a: u8) -> bool;
    fn last(&self, a: u8, the_call: &CallContext);
}
