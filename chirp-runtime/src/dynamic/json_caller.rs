use bytes::Bytes;

use super::{JsonArguments, JsonText};
use crate::codec::{CodecId, Json};
use crate::packet::{DESCRIBE_METHOD, JSON_SUFFIX};
use crate::peer::{AsCaller, Call, CallError, Caller, MethodName, OneWayCall};
use crate::reflect::Description;
use crate::service::Streamed;
use crate::stream::Receiver;

/// Calls any method of a peer by its name, with arguments and results in JSON.
///
/// The peer needs no more than methods of the name with the suffix `;json`, which a Chirp peer serves for all its services
/// with `PeerBuilder::reflect`. To a peer without them, calls fail with
/// [`CallError::UnknownMethod`].
///
/// The calls are those of every client, with the same options, errors, deadlines, cancellation and flow control. Errors of
/// the method are [`CallError::Remote`], whose auxiliary data are JSON ([`JsonText::from_slice`]). Names of more than 250
/// bytes have no room for the suffix: their calls fail with [`CallError::NameTooLong`].
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::dynamic as reflect;
/// # }
/// # use std::time::Duration;
/// use chirp::reflect::JsonCaller;
///
/// # async fn example(peer: chirp::Peer) -> Result<(), chirp::CallError> {
/// let json = JsonCaller::new(&peer);
/// let call = json.call("Arith.sum_diff", r#"{"a":100,"b":250}"#);
/// let sum = call.timeout(Duration::from_secs(1)).await?;
/// assert_eq!(sum, r#"{"sum":350,"diff":-150}"#);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct JsonCaller {
    caller: Caller,
}

impl JsonCaller {
    /// Creates a caller of the peer that `caller` calls.
    pub fn new(caller: &impl AsCaller) -> Self {
        Self {
            caller: caller.as_caller(),
        }
    }

    /// Asks the peer for the description of everything that this side may call.
    ///
    /// # Errors
    ///
    /// The call fails as every call does, with [`CallError::UnknownMethod`] if the peer has reflection turned off, and with
    /// [`CallError::Decode`] if the answer is not a description of a version that this side knows.
    pub fn describe(&self) -> Call<Description> {
        self.describe_of("")
    }

    /// Asks the peer for the description of the service or the method `name`. The description is empty if there is none
    /// that this side may call.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub fn describe_of(&self, name: &str) -> Call<Description> {
        Call::new(
            self.caller.clone(),
            MethodName::from(DESCRIBE_METHOD),
            Ok(name.to_owned().into()),
            |answer, _| {
                let answer = answer?.into_bytes()?;
                Description::from_json(&answer)
                    .map_err(|error| CallError::Decode(error.to_string()))
            },
        )
        .idempotent()
    }

    /// Calls a method. The call returns `null` for a method without a result.
    ///
    /// # Errors
    ///
    /// The call fails as every call does, with [`CallError::Encode`] if the arguments are invalid, and with
    /// [`CallError::Decode`] if the result is not JSON. A method whose result is a stream is refused by the peer: see
    /// [`stream`](Self::stream).
    pub fn call(&self, method: &str, arguments: impl Into<JsonArguments>) -> Call<JsonText> {
        Call::new(
            self.caller.clone(),
            json_name(method),
            arguments.into().payload(),
            |answer, method| {
                let bytes = answer?.into_bytes()?;
                JsonText::from_slice(&bytes).map_err(|error| {
                    CallError::Decode(format!("the result of \"{method}\": {error}"))
                })
            },
        )
    }

    /// Calls a method whose result is a stream. The call is ready when the stream has begun. Dropping the receiver cancels
    /// the method.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). A method whose result is not a stream is refused by the peer.
    pub fn stream(
        &self,
        method: &str,
        arguments: impl Into<JsonArguments>,
    ) -> Call<Receiver<JsonText>> {
        Call::streaming(
            self.caller.clone(),
            json_name(method),
            arguments.into().payload(),
            CodecId::Json,
            |answer, method| {
                <JsonText as Streamed<Json>>::receive(answer, method, |error, _| error)
            },
        )
    }

    /// Calls a method whose result is a stream of bytes, which are received as they are, without base64. Otherwise as
    /// [`stream`](Self::stream).
    ///
    /// # Errors
    ///
    /// As [`stream`](Self::stream). The stream fails with [`StreamError::Decode`](crate::stream::StreamError::Decode) if its items are not bytes.
    pub fn byte_stream(
        &self,
        method: &str,
        arguments: impl Into<JsonArguments>,
    ) -> Call<Receiver<Bytes>> {
        Call::streaming(
            self.caller.clone(),
            json_name(method),
            arguments.into().payload(),
            CodecId::Bincode,
            |answer, method| {
                let of_call = answer?.into_stream();
                let of_call = of_call.ok_or_else(|| {
                    CallError::Decode(format!("the result of \"{method}\" is not a stream"))
                })?;
                Ok(Receiver::of_call(of_call, CodecId::Bincode, |error, _| {
                    error
                }))
            },
        )
    }

    /// Calls a method without waiting for a response.
    ///
    /// # Errors
    ///
    /// The call fails as every one-way call does, and with [`CallError::Encode`] if the arguments are invalid.
    pub fn call_one_way(&self, method: &str, arguments: impl Into<JsonArguments>) -> OneWayCall {
        OneWayCall::new(
            self.caller.clone(),
            json_name(method),
            arguments.into().one_way_payload(),
        )
    }
}

impl AsCaller for JsonCaller {
    fn as_caller(&self) -> Caller {
        self.caller.clone()
    }
}

fn json_name(method: &str) -> MethodName {
    format!("{method}{JSON_SUFFIX}").into()
}
