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
    /// Whether the input has ended, and the task that reads waits for the answers to the last requests.
    pub(super) is_ending: bool,
    /// Whether the writing half has messages that it has not given to the output.
    pub(super) is_answering: bool,
}

impl Translation {
    /// Notes that the writing half has given all messages to the output.
    pub(super) fn finish_answers(&mut self) {
        self.is_answering = false;
        if self.is_ending
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    /// Whether all requests have been answered, and the output has the answers.
    pub(super) fn is_answered(&self) -> bool {
        self.translator.requests.is_empty() && !self.is_answering
    }
}

impl Shared {
    pub(super) fn new(translator: Translator, output: Output) -> Self {
        Self {
            translation: Mutex::new(Translation {
                translator,
                packets: Vec::new(),
                reader: None,
                is_ending: false,
                is_answering: false,
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
