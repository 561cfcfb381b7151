use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What a program gives its handlers along with each call: one value of each type.
///
/// [`PeerBuilder::extension`](crate::peer::PeerBuilder::extension) puts one in,
/// [`CallContext::value`](crate::peer::CallContext::extension) takes it out. A clone shares the values, and later
/// changes to either do not show in the other.
#[derive(Clone, Default)]
pub struct Extensions(Option<Arc<HashMap<TypeId, ExtensionValue>>>);

#[derive(Clone)]
struct ExtensionValue {
    of: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl Extensions {
    /// Puts a value in, in place of any of its type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let value = ExtensionValue {
            of: type_name::<T>(),
            value: Arc::new(value),
        };
        Arc::make_mut(self.0.get_or_insert_default()).insert(TypeId::of::<T>(), value);
    }

    /// The value of this type.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0
            .as_ref()?
            .get(&TypeId::of::<T>())?
            .value
            .downcast_ref()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(
                self.0
                    .iter()
                    .flat_map(|values| values.values())
                    .map(|value| value.of),
            )
            .finish()
    }
}
