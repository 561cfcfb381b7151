use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::output::Output;
use super::translator::Translator;

/// The state that the two halves of a channel share. `output` may be locked while `translation` is not, and not the other
/// way round.
pub(super) struct Shared {
    translation: Mutex<Translation>,
    output: Mutex<Output>,
}

/// The translator, and the packets that packets caused.
pub(super) struct Translation {
    pub(super) translator: Translator,
    /// Packets for this side's peer that the reading half has not taken.
    pub(super) packets: Vec<u8>,
    /// The task that reads, if it waits.
    pub(super) reader: Option<Waker>,
}

impl Shared {
    pub(super) fn new(translator: Translator, output: Output) -> Self {
        Self {
            translation: Mutex::new(Translation {
                translator,
                packets: Vec::new(),
                reader: None,
            }),
            output: Mutex::new(output),
        }
    }

    pub(super) fn translation(&self) -> MutexGuard<'_, Translation> {
        // The state is consistent between any two steps, and the session ends with a panic anyway.
        self.translation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
