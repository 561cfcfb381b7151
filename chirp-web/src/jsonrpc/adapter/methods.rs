use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chirp_runtime::packet::{DESCRIBE_METHOD, RequestPacket, ResultCode};
use chirp_runtime::reflect::{Description, MethodDescription};
use foldhash::fast::RandomState;

use super::batches::BatchKey;
use crate::jsonrpc::message::CallMember;

/// The most methods that are remembered.
const MAX_KNOWN: usize = 1024;

/// The packet id of the question for a method. Requests of the other side have ids that begin at 1.
const QUESTION: u32 = u32::MAX;

/// The facts about this side's methods that their calls need. A method is looked up in the description of this side's peer
/// before its first call, and later messages wait for that, so that calls start in the order in which they arrive.
#[derive(Debug, Default)]
pub(super) struct Methods {
    known: HashMap<Box<str>, Option<Arc<MethodFacts>>, RandomState>,
    /// Whether this side's peer has no descriptions.
    is_undescribed: bool,
    /// The method that is being looked up.
    asked: Option<Box<str>>,
    /// The messages that wait.
    held: VecDeque<HeldMessage>,
}

/// A message that waits, or a part of a batch.
#[derive(Debug)]
pub(super) enum HeldMessage {
    Request(Box<HeldRequest>),
    /// An entry of a batch, which is JSON.
    Entry(Box<str>, BatchKey),
    EndOfBatch(BatchKey),
}

/// A request whose method is looked up.
#[derive(Debug)]
pub(super) struct HeldRequest {
    pub(super) id: Box<str>,
    pub(super) method: Box<str>,
    pub(super) params: Option<Box<str>>,
    pub(super) options: CallMember,
    pub(super) batch: Option<BatchKey>,
}

/// The facts about a method are not known yet.
#[derive(Debug)]
pub(super) struct Unknown;

/// Facts about a method.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MethodFacts {
    /// Whether the result is a stream.
    pub(super) is_stream: bool,
    /// Error codes with the numbers that they have in JSON-RPC.
    numbers: Vec<(u16, i32)>,
}

impl MethodFacts {
    /// Returns the facts that a call needs. `None` if there are none.
    fn of(method: &MethodDescription) -> Option<Arc<Self>> {
        let errors = method.errors.iter();
        let facts = Self {
            is_stream: method.items.is_some(),
            numbers: errors
                .filter_map(|error| Some((error.code, error.jsonrpc?)))
                .collect(),
        };
        (facts != Self::default()).then(|| Arc::new(facts))
    }

    /// Returns the number of an error, if the method sets one.
    pub(super) fn number(&self, code: u16) -> Option<i32> {
        let numbers = self.numbers.iter();
        let mut numbers = numbers.filter(|(of, _)| *of == code);
        numbers.next().map(|(_, number)| *number)
    }
}

impl Methods {
    /// Returns the facts about a method, or asks this side's peer for them. `Err` means that the request is to be given to
    /// [`hold`](Self::hold).
    pub(super) fn get(
        &mut self,
        method: &str,
        packets: &mut Vec<u8>,
    ) -> Result<Option<Arc<MethodFacts>>, Unknown> {
        if let Some(known) = self.known.get(method) {
            return Ok(known.clone());
        }
        if self.is_undescribed {
            return Ok(None);
        }
        let (name, question) = (DESCRIBE_METHOD.as_bytes(), method.as_bytes());
        RequestPacket::encode_head(packets, QUESTION, name, question.len());
        packets.extend_from_slice(question);
        self.asked = Some(method.into());
        Err(Unknown)
    }

    /// Returns whether messages wait for an answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// Keeps a message until the answer.
    pub(super) fn hold(&mut self, message: HeldMessage) {
        self.held.push_back(message);
    }

    /// Takes all messages that waited.
    pub(super) fn take_held(&mut self) -> VecDeque<HeldMessage> {
        std::mem::take(&mut self.held)
    }

    /// Keeps messages that have to wait for another answer.
    pub(super) fn put_back(&mut self, mut messages: VecDeque<HeldMessage>) {
        self.held.append(&mut messages);
    }

    /// Handles a response of this side's peer. Returns `false` if it is not the answer to a question.
    pub(super) fn handle_response(&mut self, id: u32, code: ResultCode, data: &[u8]) -> bool {
        if id != QUESTION {
            return false;
        }
        let Some(method) = self.asked.take() else {
            return true;
        };
        let facts = match code {
            ResultCode::Success => {
                let description = Description::from_json(data).unwrap_or_default();
                description.method(&method).and_then(MethodFacts::of)
            }
            ResultCode::UnknownMethod => {
                self.is_undescribed = true;
                return true;
            }
            // Such as a peer that is overloaded. If the result is a stream, the call fails, and the next one asks again.
            _ => None,
        };
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(method, facts);
        true
    }

    /// Whether this side's peer has no descriptions: it was asked for one, and does not know the method.
    pub(super) fn is_undescribed(&self) -> bool {
        self.is_undescribed
    }

    /// Forgets all methods, because the facts about one were wrong.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}
