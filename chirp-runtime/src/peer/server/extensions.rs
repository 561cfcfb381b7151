use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The values that a program gives its handlers with each call: one of each type.
///
/// [`PeerBuilder::extension`](crate::peer::PeerBuilder::extension) adds a value, and
/// [`CallContext::extension`](crate::peer::CallContext::extension) returns it. A clone shares the values; later changes
/// of one do not affect the other.
#[derive(Clone, Default)]
pub struct Extensions(Option<Arc<HashMap<TypeId, ExtensionValue>>>);

#[derive(Clone)]
struct ExtensionValue {
    of: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl Extensions {
    /// Adds a value, and replaces any other value of its type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let value = ExtensionValue {
            of: type_name::<T>(),
            value: Arc::new(value),
        };
        Arc::make_mut(self.0.get_or_insert_default()).insert(TypeId::of::<T>(), value);
    }

    /// Returns the value of this type.
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
