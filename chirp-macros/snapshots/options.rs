#[chirp::service(ordered)]
pub trait Options<K>
where
    K: Ord + Send + Sync,
{
    #[chirp(idempotent, deadline = "250ms")]
    async fn get(&self, key: K) -> u8;
    #[chirp(blocking)]
    fn compute(&self, data: &[u8]) -> u8;
}
