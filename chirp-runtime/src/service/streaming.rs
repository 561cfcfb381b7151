use futures_core::Stream;

use super::Outcome;
use crate::codec::{Codec, CodecId, Failure, Item, Serde};
use crate::packet::{ErrorData, Fault, Payload};
use crate::peer::streaming::producer::Producer;
use crate::peer::{Answered, CallError, MethodError, Reply, Request};
use crate::stream::{ItemError, Receiver, Stopped, StreamError, drive};

/// A codec whose services may have streams.
#[diagnostic::on_unimplemented(
    message = "the codec `{Self}` carries no streams",
    note = "`Raw` carries one run of bytes or text: choose another codec for a service with streams"
)]
pub trait Streams: Codec {}

#[diagnostic::do_not_recommend]
impl<C: Serde> Streams for C {}

/// Where the items of a method's result go.
#[derive(Debug)]
pub struct Results {
    producer: Producer,
    codec: CodecId,
}

/// Where the items go of the stream that the caller of a method wants as its result; nothing if it wants none.
pub fn results<C: Streams>(request: &Request) -> Option<Results> {
    let (producer, codec) = request.arrived()?.take_result()?;
    let codec = codec.filter(|codec| *codec != CodecId::Raw)?;
    Some(Results { producer, codec })
}

/// The reply to a caller that wants no stream of a method whose result is one.
#[inline(never)]
pub fn not_wanted() -> Reply {
    Fault::Unsupported
        .to_error_data("the result of this method is a stream, which the caller did not ask for")
        .into()
}

/// Sends the items of a method's result.
pub async fn send_items<T: Item>(results: Results, stream: impl Stream<Item = T>) -> Reply {
    send(results, stream, Ok).await
}

/// Sends the items of a method's result, of which the first that is an error ends the call.
pub async fn send_results<T: Item, R: Outcome<Ok = T>>(
    results: Results,
    stream: impl Stream<Item = R>,
    encode_error: fn(&R::Error) -> ErrorData,
) -> Reply {
    let split = |item: R| item.into_result().map_err(|error| encode_error(&error));
    send(results, stream, split).await
}

async fn send<S: Stream, T: Item>(
    results: Results,
    stream: S,
    split: impl Fn(S::Item) -> Result<T, ErrorData>,
) -> Reply {
    let Results {
        mut producer,
        codec,
    } = results;
    match drive(stream, split, &mut producer, codec).await {
        Ok(()) => {
            producer.finish();
            Reply::Value(Payload::default())
        }
        // The answer says so, behind the items that were ready before it.
        Err(Stopped::Failed(error)) => Reply::Error(error),
        Err(Stopped::Gone(gone)) => Reply::Error(gone.into()),
    }
}

/// The stream that is the result of a method.
///
/// # Errors
///
/// Why the call failed before it began.
pub fn stream_of<C: Streams, T: Item>(
    answer: Result<Answered, CallError>,
) -> Result<Receiver<T>, CallError> {
    receiver::<C, T, _>(answer, |error| error)
}

/// The stream that is the result of a method, whose items may be errors.
///
/// # Errors
///
/// Why the call failed before it began.
pub fn fallible_stream_of<C: Streams, T: Item, E: Failure<C>>(
    answer: Result<Answered, CallError>,
) -> Result<Receiver<T, ItemError<E>>, CallError> {
    receiver::<C, T, _>(answer, |error| match error {
        StreamError::Call(CallError::Remote(data)) => match E::decode(&data) {
            Some(error) => ItemError::Handler(error),
            None => ItemError::Stream(CallError::Remote(data).into()),
        },
        error => ItemError::Stream(error),
    })
}

/// The stream of a method that may fail before it.
///
/// # Errors
///
/// The method's own error, or why the call failed.
pub fn stream_outcome<R, E>(
    answer: Result<Answered, CallError>,
    stream: fn(Result<Answered, CallError>) -> Result<R, CallError>,
    decode_error: fn(&ErrorData) -> Option<E>,
) -> Result<R, MethodError<E>> {
    stream(answer).map_err(|error| match error {
        CallError::Remote(data) => match decode_error(&data) {
            Some(error) => MethodError::Handler(error),
            None => MethodError::Call(CallError::Remote(data)),
        },
        error => MethodError::Call(error),
    })
}

fn receiver<C: Streams, T: Item, E>(
    answer: Result<Answered, CallError>,
    error: fn(StreamError) -> E,
) -> Result<Receiver<T, E>, CallError> {
    let of_call = answer?.into_stream();
    let of_call =
        of_call.ok_or_else(|| CallError::Decode("the answer is not a stream".to_owned()))?;
    Ok(Receiver::of_call(of_call, C::ID, error))
}
