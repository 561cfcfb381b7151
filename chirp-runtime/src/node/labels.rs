use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The number of labels of a node.
pub(super) const MAX_LABELS: usize = 64;

/// The bytes of a key and of a value.
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 1024;

/// The bytes of all keys and values.
const MAX_TOTAL: usize = 4096;

/// The labels of a node: text that it tells the nodes that it joins, such as its zone or its version.
///
/// Labels are claims of the other node. They do not prove anything.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(Arc<BTreeMap<String, String>>);

impl Labels {
    pub(super) fn new(labels: BTreeMap<String, String>) -> Result<Self, String> {
        if labels.len() > MAX_LABELS {
            return Err(format!("{} labels, at most {MAX_LABELS}", labels.len()));
        }
        let mut total = 0;
        for (key, value) in &labels {
            total += key.len() + value.len();
            if key.is_empty() || key.len() > MAX_KEY {
                let len = key.len();
                return Err(format!(
                    "a label's key has {len} bytes: 1 to {MAX_KEY} are allowed"
                ));
            }
            if value.len() > MAX_VALUE {
                let len = value.len();
                return Err(format!(
                    "label {key:?} has {len} bytes, at most {MAX_VALUE}"
                ));
            }
        }
        if total > MAX_TOTAL {
            return Err(format!(
                "the labels have {total} bytes, at most {MAX_TOTAL}"
            ));
        }
        Ok(Self(Arc::new(labels)))
    }

    /// Returns the value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Iterates over the labels, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Returns the number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
