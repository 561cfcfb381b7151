use std::fmt;
use std::sync::Arc;

use crate::peer::CallError;

/// The answer of one target of a [`Gather`](super::Gather).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T, E = CallError> {
    /// The target's name.
    pub from: Arc<str>,
    /// The result of its call.
    pub result: Result<T, E>,
}

/// Too few targets succeeded.
#[derive(Clone, Debug)]
pub struct GatherError<E = CallError> {
    /// The number of successes that were asked for.
    pub needed: usize,
    /// The number of targets that succeeded.
    pub succeeded: usize,
    /// The targets that failed, in order of arrival, with their errors.
    pub failures: Vec<(Arc<str>, E)>,
}

impl<E: fmt::Display> fmt::Display for GatherError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            needed,
            succeeded,
            failures,
        } = self;
        write!(f, "{succeeded} of {needed} needed targets succeeded")?;
        for (index, (name, error)) in failures.iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            write!(f, "{separator}{name}: {error}")?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GatherError<E> {}
