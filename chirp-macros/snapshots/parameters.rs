#[chirp::service]
pub trait Parameters<K: Ord + Send + Sync, V: Clone + Send + Sync> {
    async fn get(&self, key: &K) -> Option<V>;
    async fn put(&self, key: K, values: &[V]) -> Result<(), String>;
}
