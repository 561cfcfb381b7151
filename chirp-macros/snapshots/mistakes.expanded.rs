::core::compile_error! {
    "a result cannot be borrowed, since it is sent to the other side: return `String`"
}
#[allow(async_fn_in_trait, unused)]
pub trait Mistakes {
    /// Borrows its result.
    async fn borrow(&self, name: &str) -> &str;
    fn fine(&self, a: u8) -> u8;
}
