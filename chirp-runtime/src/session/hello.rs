use bytes::Bytes;

use super::{Event, Negotiation, OutboundCallId, Refused, Session};
use crate::packet::{
    ExtensionFlags, FrameworkError, HELLO_METHOD, Hello, RequestPacket, ResultCode,
};

pub(super) const METHOD: &[u8] = HELLO_METHOD.as_bytes();

/// Returns `true` if a request is for `chirp.hello`, which the session answers itself.
pub(super) fn is_hello(method: &[u8]) -> bool {
    method == METHOD
}

/// The state of the negotiation of extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelloState {
    /// The other side has not been asked, and has not asked.
    #[default]
    Unknown,
    /// The other side has been asked.
    Asked,
    /// The other side's declaration. `None` if it supports no extensions.
    Known(Option<Hello>),
}

/// This side's part of the `chirp.hello` exchange.
#[derive(Debug, Default)]
pub(super) struct HelloExchange {
    state: HelloState,
    asked: Option<(OutboundCallId, u64)>,
    /// Whether the time of the answer is limited, because calls wait for it.
    timed: bool,
    /// Whether this side has declared its extensions, by asking or by answering.
    declared: bool,
    /// The pending keep-alive call.
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

    /// Returns `true` if `key` is the keep-alive call, which is then no longer pending.
    pub(super) fn is_pong(&mut self, key: OutboundCallId) -> bool {
        self.ping.take_if(|ping| *ping == key).is_some()
    }

    /// Returns `true` if the question has been asked and not been answered.
    pub(super) fn is_pending(&self) -> bool {
        self.asked.is_some()
    }

    pub(super) fn has_declared(&self) -> bool {
        self.declared
    }

    pub(super) fn is_asked_by(&self, key: OutboundCallId) -> bool {
        self.asked.is_some_and(|(asked, _)| asked == key)
    }

    /// Handles the response to the question. A response that does not answer this question means that the
    /// other side has no extensions.
    pub(super) fn answered(&mut self, answer: &[u8]) {
        if let Some((_, nonce)) = self.asked.take() {
            self.learn(Hello::decode_answer(answer, nonce));
        }
    }

    /// Gives up waiting for the response. Returns the call that asked.
    pub(super) fn give_up(&mut self) -> Option<OutboundCallId> {
        let (key, _) = self.asked.take()?;
        self.learn(None);
        Some(key)
    }

    /// Forgets the question, since no response will come.
    pub(super) fn end(&mut self) {
        self.asked = None;
    }

    /// Handles the other side's question, which declares its extensions. Returns whether that is news.
    pub(super) fn declared(&mut self, hello: Hello) -> bool {
        self.declared = true;
        self.learn(Some(hello))
    }

    /// The first declaration counts, since this side may have acted on it.
    fn learn(&mut self, hello: Option<Hello>) -> bool {
        let is_news = !matches!(self.state, HelloState::Known(Some(_)));
        if is_news {
            self.state = HelloState::Known(hello);
        }
        is_news
    }
}

impl Session {
    /// Takes the other side's declaration from elsewhere than a packet, before the first packet. The other side knows
    /// this side's extensions too.
    pub fn assume_hello(&mut self, hello: Hello) {
        self.hello_exchange.declared(hello);
    }

    /// Asks for the other side's extensions, unless they are known or have been asked for.
    pub fn ask_hello(&mut self, nonce: u64) -> Result<(), Refused> {
        if self.hello_exchange.state() != HelloState::Unknown {
            return Ok(());
        }
        let question = self.own_hello().encode_question(nonce);
        let method = Bytes::from_static(METHOD);
        let key = if self.wants_hello() {
            // The calls that wait for this question may have used up the limit on pending calls.
            self.check_size(RequestPacket::payload_len(METHOD, question.len()))?;
            self.begin_any_call()?
        } else {
            self.begin_call(METHOD, question.len())?
        };
        self.send_or_queue_call(key, &method, &mut question.into(), None, None);
        // Counters are for the application's calls.
        self.counters.calls_out -= 1;
        self.hello_exchange.asked(key, nonce);
        Ok(())
    }

    /// Returns `true` if calls wait for the other side's extensions, and the time of the answer is not limited yet.
    /// Returns `true` only once.
    pub fn starts_hello_timeout(&mut self) -> bool {
        let starts = self.backlog.holds() && !self.hello_exchange.timed;
        self.hello_exchange.timed |= starts;
        starts
    }

    /// Sends a keep-alive call, to which any response will do. It calls `chirp.hello`, so that no second name
    /// is taken from the other side's methods. Does nothing while an earlier one is pending.
    ///
    /// # Errors
    ///
    /// The same as those of [`call`](Self::call).
    pub fn ping(&mut self, nonce: u64) -> Result<(), Refused> {
        if self.hello_exchange.ping.is_some() {
            return Ok(());
        }
        let question = self.own_hello().encode_question(nonce);
        let limit = self.config.limits.max_pending_calls;
        if self.unanswered() >= limit {
            return Err(Refused::TooManyPending { limit });
        }
        self.check_size(RequestPacket::payload_len(METHOD, question.len()))?;
        // Also while this side goes away.
        let key = self.begin_any_call()?;
        let method = Bytes::from_static(METHOD);
        self.send_or_queue_call(key, &method, &mut question.into(), None, None);
        self.counters.calls_out -= 1;
        self.hello_exchange.ping = Some(key);
        self.hello_exchange.declared = true;
        Ok(())
    }

    /// The state of the negotiation of extensions.
    pub fn hello(&self) -> HelloState {
        self.hello_exchange.state()
    }

    /// Gives up waiting for the other side's extensions, and assumes that it has none. The question is
    /// cancelled like any call.
    pub fn give_up_hello(&mut self) {
        if let Some(key) = self.hello_exchange.give_up() {
            let failed = self.counters.calls_out_failed;
            // If that is one unanswered cancel too many, the next operation fails.
            let _ = self.cancel(key);
            self.counters.calls_out_failed = failed;
            self.settle_held_calls();
        }
    }

    /// The extensions that this side accepts.
    pub(super) fn own_extensions(&self) -> ExtensionFlags {
        let config = &self.config;
        if config.negotiation == Negotiation::Disabled {
            return ExtensionFlags::NONE;
        }
        let mut own = ExtensionFlags::CALL_CONTEXT.and(ExtensionFlags::GOING_AWAY);
        if config.limits.max_streams > 0 {
            own = own.and(ExtensionFlags::STREAMS);
        }
        #[cfg(feature = "lz4")]
        if config.compress_above.is_some() {
            own = own.and(ExtensionFlags::COMPRESSION);
        }
        own
    }

    fn own_hello(&self) -> Hello {
        let clamp = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        Hello {
            revision: Hello::REVISION,
            extensions: self.own_extensions(),
            payload_limit: clamp(self.config.limits.max_payload),
            running_limit: clamp(self.config.limits.max_concurrent_handlers),
        }
    }

    /// Answers `chirp.hello`. Returns an event if the other side's extensions were not known before.
    pub(super) fn answer_hello(&mut self, id: u32, params: &[u8]) -> Option<Event> {
        let Some((nonce, theirs)) = Hello::decode_question(params) else {
            self.refuse(id, FrameworkError::InvalidArguments);
            return None;
        };
        let is_news = self.hello_exchange.declared(theirs);
        let mut ours = self.own_hello();
        ours.revision = ours.revision.min(theirs.revision);
        let answer = ours.encode_answer(nonce);
        self.send_response(id, ResultCode::Success, &mut answer.into());
        self.settle_held_calls();
        is_news.then_some(Event::Hello)
    }
}
