#[chirp::service(name = "svc")]
pub trait Names {
    #[chirp(name = "first", alias = "one", alias = "1")]
    async fn first_of_all(&self) -> u8;
    fn sumDiff(&self);
    fn all(&self);
}
