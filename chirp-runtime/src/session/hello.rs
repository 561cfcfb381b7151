use super::CallKey;
use crate::packet::{HELLO_METHOD, Hello};

pub(super) const METHOD: &[u8] = HELLO_METHOD.as_bytes();

/// Whether a call is the question, which the session answers by itself.
pub(super) fn is_hello(method: &[u8]) -> bool {
    method == METHOD
}

/// What is known of the other side's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloState {
    /// Nothing; it has not been asked and has not said.
    Unknown,
    /// It has been asked.
    Asked,
    /// What it says of itself; `None` for a peer of plain Chirp v0.
    Known(Option<Hello>),
}

/// The session's half of `chirp.hello`: asking, and remembering what was said.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    asked: Option<(CallKey, u64)>,
    known: Option<Option<Hello>>,
}

impl Greeting {
    pub(super) fn state(&self) -> HelloState {
        match (self.known, self.asked) {
            (Some(known), _) => HelloState::Known(known),
            (None, Some(_)) => HelloState::Asked,
            (None, None) => HelloState::Unknown,
        }
    }

    pub(super) fn asked(&mut self, key: CallKey, nonce: u64) {
        self.asked = Some((key, nonce));
    }

    pub(super) fn is_asked_by(&self, key: CallKey) -> bool {
        self.asked.is_some_and(|(asked, _)| asked == key)
    }

    /// The answer came. What is not an answer to this very question says that there are no extensions,
    /// unless the other side has declared some by asking.
    pub(super) fn answered(&mut self, answer: &[u8]) {
        let Some((_, nonce)) = self.asked.take() else {
            return;
        };
        let hello = Hello::decode_answer(answer, nonce);
        if hello.is_some() || self.known.is_none() {
            self.known = Some(hello);
        }
    }

    /// The other side asked, and so declared what it accepts.
    pub(super) fn declared(&mut self, hello: Hello) {
        self.known = Some(Some(hello));
    }
}
