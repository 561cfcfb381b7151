use super::CallKey;
use crate::packet::{HELLO_METHOD, Hello};

pub(super) const METHOD: &[u8] = HELLO_METHOD.as_bytes();

/// Whether a call is the question, which the session answers by itself.
pub(super) fn is_hello(method: &[u8]) -> bool {
    method == METHOD
}

/// What is known of the other side's extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelloState {
    /// Nothing; it has not been asked and has not said.
    #[default]
    Unknown,
    /// It has been asked.
    Asked,
    /// What it says of itself; `None` for a peer of plain Chirp v0.
    Known(Option<Hello>),
}

/// The session's half of `chirp.hello`: asking, and remembering what was said.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    state: HelloState,
    asked: Option<(CallKey, u64)>,
}

impl Greeting {
    pub(super) fn state(&self) -> HelloState {
        self.state
    }

    pub(super) fn asked(&mut self, key: CallKey, nonce: u64) {
        self.asked = Some((key, nonce));
        self.state = HelloState::Asked;
    }

    pub(super) fn is_asked_by(&self, key: CallKey) -> bool {
        self.asked.is_some_and(|(asked, _)| asked == key)
    }

    /// The answer came. What is not an answer to this very question says that there are no extensions.
    pub(super) fn answered(&mut self, answer: &[u8]) {
        if let Some((_, nonce)) = self.asked.take() {
            self.learn(Hello::decode_answer(answer, nonce));
        }
    }

    /// The other side asked, and so declared what it accepts.
    pub(super) fn declared(&mut self, hello: Hello) {
        self.learn(Some(hello));
    }

    /// What the other side said first counts: this side may have acted on it.
    fn learn(&mut self, hello: Option<Hello>) {
        if !matches!(self.state, HelloState::Known(Some(_))) {
            self.state = HelloState::Known(hello);
        }
    }
}
