use std::pin::Pin;

use futures_core::Stream;

use super::Outcome;
use super::method::DEFINED_DIFFERENTLY;
use crate::codec::{Codec, CodecId, Decoder, Encoder, Item, Serde, Wire};
use crate::packet::{ErrorData, FrameworkError, Payload};
use crate::peer::streaming::producer::Producer;
use crate::peer::{Answered, CallError, MethodError, MethodName, Reply, Request};
use crate::stream::{IntoReceiver, ItemError, PumpError, Receiver, StreamError, drive};

/// Where the items of a method's result go.
#[derive(Debug)]
pub struct Results {
    producer: Producer,
    codec: CodecId,
}

/// Where the items go of the stream that the caller of a method wants as its result; nothing if it wants none.
pub fn results<C: Codec>(request: &Request) -> Option<Results> {
    let (producer, codec) = request.arrived()?.take_result()?;
    let codec = codec.filter(|codec| *codec != CodecId::Raw)?;
    Some(Results { producer, codec })
}

/// The reply to a caller that wants no stream of a method whose result is one.
#[inline(never)]
pub fn not_wanted() -> Reply {
    FrameworkError::Unsupported
        .to_error_data("the result of this method is a stream, which the caller did not ask for")
        .into()
}

/// The items of a method's result on their way, and then the reply. In a box, since what is awaited would otherwise ask
/// of an item a second time what [`Streamed`] asks of it.
pub type SendItems<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// What can be an item of a stream that a method has, through the codec `C`: an [`Item`].
///
/// Generated code does everything through it that it does with streams of a type, and names the type where the user
/// wrote it: so a missing derive is one error, there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a stream item",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "the codec `Raw` does not support streams"
)]
pub trait Streamed<C: Codec>: Sized {
    /// Puts a stream among arguments, that belongs to the call.
    fn put(stream: impl IntoReceiver<Self>, arguments: &mut Encoder<C>);

    /// The next of the arguments.
    fn take(arguments: &mut Decoder<'_, C>) -> Option<Receiver<Self>>;

    /// Sends the items of a method's result.
    fn send<'a>(results: Results, stream: impl Stream<Item = Self> + Send + 'a) -> SendItems<'a>;

    /// Sends the items of a method's result, of which the first that is an error ends the call.
    fn send_results<'a, R: Outcome<Ok = Self> + 'a>(
        results: Results,
        stream: impl Stream<Item = R> + Send + 'a,
        encode_error: fn(&R::Error) -> ErrorData,
    ) -> SendItems<'a>;

    /// The stream that is the result of a method; `error` makes the method's errors of what breaks it off.
    ///
    /// # Errors
    ///
    /// Why the call failed before it began.
    fn receive<E>(
        answer: Result<Answered, CallError>,
        method: &MethodName,
        error: fn(StreamError) -> E,
    ) -> Result<Receiver<Self, E>, CallError>;
}

#[diagnostic::do_not_recommend]
impl<C: Serde, T: Item> Streamed<C> for T {
    fn put(stream: impl IntoReceiver<T>, arguments: &mut Encoder<C>) {
        Wire::put(&stream.into_receiver(), arguments);
        arguments.bind_last();
    }

    fn take(arguments: &mut Decoder<'_, C>) -> Option<Receiver<T>> {
        Wire::take(arguments)
    }

    fn send<'a>(results: Results, stream: impl Stream<Item = T> + Send + 'a) -> SendItems<'a> {
        Box::pin(send(results, stream, Ok))
    }

    fn send_results<'a, R: Outcome<Ok = T> + 'a>(
        results: Results,
        stream: impl Stream<Item = R> + Send + 'a,
        encode_error: fn(&R::Error) -> ErrorData,
    ) -> SendItems<'a> {
        let split = move |item: R| item.into_result().map_err(|error| encode_error(&error));
        Box::pin(send(results, stream, split))
    }

    #[inline(never)]
    fn receive<E>(
        answer: Result<Answered, CallError>,
        method: &MethodName,
        error: fn(StreamError) -> E,
    ) -> Result<Receiver<T, E>, CallError> {
        let of_call = answer?.into_stream();
        let of_call = of_call.ok_or_else(|| {
            CallError::Decode(format!(
                "\"{method}\" returns a stream here, and the answer is none; {DEFINED_DIFFERENTLY}"
            ))
        })?;
        Ok(Receiver::of_call(of_call, C::ID, error))
    }
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
        Err(PumpError::Failed(error)) => Reply::Error(error),
        Err(PumpError::Gone(gone)) => Reply::Error(gone.into()),
    }
}

/// What breaks off a stream whose items may be errors of the method, which `decode_error` knows.
#[inline(never)]
pub fn item_error<E>(
    error: StreamError,
    decode_error: fn(&ErrorData) -> Option<E>,
) -> ItemError<E> {
    match error {
        StreamError::Call(CallError::Remote(data)) => match decode_error(&data) {
            Some(error) => ItemError::Handler(error),
            None => ItemError::Stream(CallError::Remote(data).into()),
        },
        error => ItemError::Stream(error),
    }
}

/// The stream of a method that may fail before it.
///
/// # Errors
///
/// The method's own error, or why the call failed.
#[inline(never)]
pub fn stream_outcome<R, E>(
    stream: Result<R, CallError>,
    decode_error: fn(&ErrorData) -> Option<E>,
) -> Result<R, MethodError<E>> {
    stream.map_err(|error| match error {
        CallError::Remote(data) => match decode_error(&data) {
            Some(error) => MethodError::Handler(error),
            None => MethodError::Call(CallError::Remote(data)),
        },
        error => MethodError::Call(error),
    })
}
