use bytes::Bytes;

use super::{Event, Negotiation, OutboundCallId, Refused, Session};
use crate::packet::{
    ExtensionFlags, FrameworkError, HELLO_METHOD, Hello, RequestPacket, ResultCode,
};

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
pub(super) struct HelloExchange {
    state: HelloState,
    asked: Option<(OutboundCallId, u64)>,
    /// This side has said what it accepts, by asking or by answering.
    declared: bool,
    /// A question whose answer says only that the other side lives.
    ping: Option<OutboundCallId>,
}

impl HelloExchange {
    pub(super) fn state(&self) -> HelloState {
        self.state
    }

    pub(super) fn asked(&mut self, key: OutboundCallId, nonce: u64) {
        self.asked = Some((key, nonce));
        self.declared = true;
        self.state = HelloState::Asked;
    }

    /// Whether this was the call for a sign of life, which has come then.
    pub(super) fn is_pong(&mut self, key: OutboundCallId) -> bool {
        self.ping.take_if(|ping| *ping == key).is_some()
    }

    pub(super) fn has_declared(&self) -> bool {
        self.declared
    }

    pub(super) fn is_asked_by(&self, key: OutboundCallId) -> bool {
        self.asked.is_some_and(|(asked, _)| asked == key)
    }

    /// The answer came. What is not an answer to this very question says that there are no extensions.
    pub(super) fn answered(&mut self, answer: &[u8]) {
        if let Some((_, nonce)) = self.asked.take() {
            self.learn(Hello::decode_answer(answer, nonce));
        }
    }

    /// The answer has taken too long. Gives the call that asked.
    pub(super) fn give_up(&mut self) -> Option<OutboundCallId> {
        let (key, _) = self.asked.take()?;
        self.learn(None);
        Some(key)
    }

    /// The other side asked, and so declared what it accepts. Whether that is news.
    pub(super) fn declared(&mut self, hello: Hello) -> bool {
        self.declared = true;
        self.learn(Some(hello))
    }

    /// What the other side said first counts: this side may have acted on it.
    fn learn(&mut self, hello: Option<Hello>) -> bool {
        let is_news = !matches!(self.state, HelloState::Known(Some(_)));
        if is_news {
            self.state = HelloState::Known(hello);
        }
        is_news
    }
}

impl Session {
    /// Asks the other side which extensions it accepts, unless that is known or has been asked.
    pub fn ask_hello(&mut self, nonce: u64) -> Result<(), Refused> {
        if self.greeting.state() != HelloState::Unknown {
            return Ok(());
        }
        let question = self.own_hello().encode_question(nonce);
        let method = Bytes::from_static(METHOD);
        let key = if self.wants_hello() {
            // As many calls as may be pending may be those that wait for its answer.
            self.check_size(RequestPacket::payload_len(METHOD, question.len()))?;
            self.begin_any_call()?
        } else {
            self.begin_call(METHOD, question.len())?
        };
        self.place_call(key, &method, &mut question.into(), None);
        // It is this library's call, not the program's.
        self.counters.calls_out -= 1;
        self.greeting.asked(key, nonce);
        Ok(())
    }

    /// Calls the other side for nothing but a sign of life, which any answer is; nobody waits for it. The
    /// call is `chirp.hello` again, so that no second name is taken from the other side's methods. Nothing
    /// is sent while an earlier one is unanswered.
    ///
    /// # Errors
    ///
    /// As those of a [`call`](Self::call).
    pub fn ping(&mut self, nonce: u64) -> Result<(), Refused> {
        if self.greeting.ping.is_some() {
            return Ok(());
        }
        let question = self.own_hello().encode_question(nonce);
        let key = self.call(&Bytes::from_static(METHOD), &mut question.into())?;
        self.counters.calls_out -= 1;
        self.greeting.ping = Some(key);
        self.greeting.declared = true;
        Ok(())
    }

    /// What is known of the other side's extensions.
    pub fn hello(&self) -> HelloState {
        self.greeting.state()
    }

    /// The other side has had its time to answer: it has no extensions. The question is taken back, as
    /// any call that is no longer waited for.
    pub fn give_up_hello(&mut self) {
        if let Some(key) = self.greeting.give_up() {
            // If that is one abandoned call too many, the next step that looks says so.
            let _ = self.cancel(key);
            self.settle_held_calls();
        }
    }

    /// What this side accepts.
    pub(super) fn own_extensions(&self) -> ExtensionFlags {
        let limits = &self.limits;
        if limits.negotiation == Negotiation::Never {
            return ExtensionFlags::NONE;
        }
        let mut own = ExtensionFlags::CALL_CONTEXT;
        if limits.max_streams > 0 {
            own = own.and(ExtensionFlags::STREAMS);
        }
        #[cfg(feature = "lz4")]
        if limits.compress_above.is_some() {
            own = own.and(ExtensionFlags::COMPRESSION);
        }
        own
    }

    fn own_hello(&self) -> Hello {
        let clamp = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        Hello {
            revision: Hello::REVISION,
            extensions: self.own_extensions(),
            payload_limit: clamp(self.limits.max_payload),
            running_limit: clamp(self.limits.max_concurrent_handlers),
        }
    }

    /// Answers the question. What it declares is news, unless it has been said.
    pub(super) fn answer_hello(&mut self, id: u32, params: &[u8]) -> Option<Event> {
        let Some((nonce, theirs)) = Hello::decode_question(params) else {
            self.refuse(id, FrameworkError::InvalidArguments);
            return None;
        };
        let is_news = self.greeting.declared(theirs);
        let mut ours = self.own_hello();
        ours.revision = ours.revision.min(theirs.revision);
        let answer = ours.encode_answer(nonce);
        self.send_response(id, ResultCode::Success, &mut answer.into());
        is_news.then_some(Event::Hello)
    }
}
