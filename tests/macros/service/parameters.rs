//! Services with type parameters.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chirp::{Caller, Router, Service};

use super::ArithError;

/// A map of any serializable types.
#[chirp::service]
trait Store<K: Ord + Send + Sync, V: Clone + Send + Sync> {
    async fn get(&self, key: &K) -> Option<V>;
    async fn put(&self, key: K, value: V) -> Result<(), ArithError>;
    fn keys(&self, of: &[V]) -> Vec<K>;
}

#[derive(Default)]
struct Map<K, V>(Mutex<BTreeMap<K, V>>);

impl<K, V> Store<K, V> for Map<K, V>
where
    K: Ord + Clone + Send + Sync,
    V: Clone + PartialEq + Send + Sync,
{
    async fn get(&self, key: &K) -> Option<V> {
        self.0.lock().unwrap().get(key).cloned()
    }

    async fn put(&self, key: K, value: V) -> Result<(), ArithError> {
        match self.0.lock().unwrap().insert(key, value) {
            None => Ok(()),
            Some(_) => Err(ArithError::Tired),
        }
    }

    fn keys(&self, of: &[V]) -> Vec<K> {
        let map = self.0.lock().unwrap();
        let found = map.iter().filter(|(_, value)| of.contains(value));
        found.map(|(key, _)| key.clone()).collect()
    }
}

#[tokio::test]
async fn a_service_may_have_type_parameters() {
    let store = StoreClient::<String, u64>::local(Map::default());
    store.put("a".to_owned(), 1).await.unwrap();
    store.clone().put("b".to_owned(), 2).await.unwrap();
    assert!(store.put("b".to_owned(), 3).await.is_err());
    assert_eq!(store.get(&"b".to_owned()).await.unwrap(), Some(3));
    assert_eq!(store.keys(&[1, 4]).await.unwrap(), ["a"]);

    let mut router = Router::default();
    let numbers = StoreServer::new(Map::<u8, u8>::default());
    numbers.register(&mut router).unwrap();
    let names = StoreServer::new(Map::<String, String>::default());
    let refused = names.named("Store").register(&mut router).unwrap_err();
    assert!(refused.to_string().contains(".named(..)"));
    let caller = Caller::local(router);
    let store = StoreClient::<u8, u8>::new(&caller);
    assert_eq!(store.get(&1).await.unwrap(), None);
}

#[chirp::service]
trait Keeper<T: Clone + Send + Sync> {
    fn keep(&self, it: T) -> T;
}

struct Kept;

impl<T: Clone + Send + Sync> Keeper<T> for Kept {
    fn keep(&self, it: T) -> T {
        it.clone()
    }
}

#[tokio::test]
async fn a_parameter_may_have_any_name() {
    let keeper = KeeperClient::<Vec<String>>::local(Kept);
    assert_eq!(keeper.keep(vec!["it".to_owned()]).await.unwrap(), ["it"]);
}
