#[chirp::service]
pub trait Mistakes {
    /// Borrows its result.
    #[chirp(name = "borrow")]
    async fn borrow(&self, name: &str) -> &str;
    fn fine(&self, a: u8) -> u8;
}
