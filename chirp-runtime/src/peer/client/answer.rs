use bytes::Bytes;

use crate::packet::Payload;
use crate::peer::CallError;
use crate::peer::stream::call_stream::CallStream;
use crate::peer::stream::inbound_streams::InboundStreams;

/// The outcome of a call, before its result is decoded.
pub(crate) type Answer = Result<Answered, CallError>;

/// The encoded result of a call.
#[derive(Debug)]
pub struct Answered {
    data: Bytes,
    streams: Option<Box<AnswerStreams>>,
}

/// The streams of a result.
#[derive(Debug)]
enum AnswerStreams {
    /// Streams that the result value contains.
    Attached(InboundStreams),
    /// The result is a stream itself.
    Result(Box<CallStream>),
}

impl Answered {
    pub(in crate::peer) fn carrying(data: Bytes, arrived: InboundStreams) -> Self {
        Self {
            data,
            streams: Some(Box::new(AnswerStreams::Attached(arrived))),
        }
    }

    /// Returns the length of the encoded result.
    pub(in crate::peer) fn len(&self) -> usize {
        self.data.len()
    }

    /// Returns the encoded result.
    pub(crate) fn into_data(self) -> Bytes {
        self.data
    }

    /// Returns the encoded result of a method without streams.
    ///
    /// # Errors
    ///
    /// [`CallError::Decode`] if the result has streams: its bytes would be meaningless without them. The streams
    /// are refused.
    pub(crate) fn into_bytes(self) -> Result<Bytes, CallError> {
        if self.streams.is_some() {
            return Err(CallError::Decode(
                "it has streams inside its value, which a call by name cannot receive: let the method return \
                 `impl Stream`, or, to forward the call with its streams, let the `Caller` handle the request"
                    .to_owned(),
            ));
        }
        Ok(self.data)
    }

    /// Returns the result with its streams, to be forwarded.
    pub(in crate::peer) fn forward(self) -> Payload {
        let (data, arrived) = self.into_parts();
        match arrived.and_then(|arrived| arrived.forward()) {
            Some(mut forwarded) => forwarded.payload(data),
            None => data.into(),
        }
    }

    /// Returns the encoded result, and the streams that it contains.
    pub(crate) fn into_parts(self) -> (Bytes, Option<InboundStreams>) {
        match self.streams.map(|streams| *streams) {
            Some(AnswerStreams::Attached(arrived)) => (self.data, Some(arrived)),
            Some(AnswerStreams::Result(_)) | None => (self.data, None),
        }
    }

    /// Returns the stream that is the result.
    pub(crate) fn into_stream(self) -> Option<CallStream> {
        match *self.streams? {
            AnswerStreams::Result(of_call) => Some(*of_call),
            AnswerStreams::Attached(_) => None,
        }
    }
}

impl From<Bytes> for Answered {
    fn from(data: Bytes) -> Self {
        Self {
            data,
            streams: None,
        }
    }
}

impl From<CallStream> for Answered {
    fn from(of_call: CallStream) -> Self {
        Self {
            data: Bytes::new(),
            streams: Some(Box::new(AnswerStreams::Result(Box::new(of_call)))),
        }
    }
}
