::core::compile_error! {
    "a result travels, so it cannot be borrowed: return `String`"
}
#[allow(async_fn_in_trait, unused)]
pub trait Mistakes {
    /// Borrows its result.
    async fn borrow(&self, name: &str) -> &str;
    fn fine(&self, a: u8) -> u8;
}
