#[cfg(feature = "reflect")]
use std::any::TypeId;
use std::pin::Pin;

#[cfg(feature = "reflect")]
use bytes::Bytes;

use futures_core::Stream;

use super::Outcome;
use super::method::{DEFINED_DIFFERENTLY, EncodeFailure};
use crate::codec::{Codec, CodecId, Decoder, Encoder, Item, Serde, ValueEncoding, Wire};
use crate::packet::{ErrorData, FrameworkError, Payload};
use crate::peer::stream::producer::Producer;
use crate::peer::{Answered, CallError, MethodError, MethodName, Reply, Request};
#[cfg(feature = "reflect")]
use crate::reflect::{Shape, Shapes};
use crate::stream::{IntoReceiver, ItemError, PumpError, Receiver, StreamError, drive};

/// The stream to which a method's items are sent.
#[derive(Debug)]
pub struct Results {
    producer: Producer,
    codec: CodecId,
    /// The encoding of an error that ends the stream.
    encoding: ValueEncoding,
}

#[cfg(feature = "reflect")]
impl Results {
    /// Returns the codec of the items.
    pub(crate) fn codec(&self) -> CodecId {
        self.codec
    }
}

/// Takes the stream that the caller expects as the result. Returns `None` if the caller expects no stream.
pub fn results<C: Codec>(request: &Request) -> Option<Results> {
    let (producer, codec) = request.arrived()?.take_result()?;
    let codec = codec.filter(|codec| *codec != CodecId::Raw)?;
    #[cfg(feature = "reflect")]
    let producer = producer.with_encoding(request.encoding());
    Some(Results {
        producer,
        codec,
        encoding: request.encoding(),
    })
}

/// Creates the reply to a caller that does not expect the stream that a method returns.
#[inline(never)]
pub fn not_wanted() -> Reply {
    FrameworkError::Unsupported
        .to_error_data(
            "the result of this method is a stream, but the caller does not expect a stream",
        )
        .into()
}

/// The future that sends a method's items and then returns the reply. Boxed, because the compiler would
/// otherwise repeat the errors about an item type for the type of the future.
pub type SendItems<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// A type that can be a stream item with the codec `C`: an [`Item`].
///
/// Generated code uses an item type only through this trait, and with the span of the type in the user's
/// code: a missing derive then causes a single error at the right place.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a stream item",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "the codec `Raw` does not support streams"
)]
pub trait Streamed<C: Codec>: Sized {
    /// Encodes a stream as an argument, and binds it to the call.
    fn put(stream: impl IntoReceiver<Self>, arguments: &mut Encoder<C>);

    /// Decodes the next argument.
    fn take(arguments: &mut Decoder<'_, C>) -> Option<Receiver<Self>>;

    /// Sends the items of a method's result.
    fn send<'a>(results: Results, stream: impl Stream<Item = Self> + Send + 'a) -> SendItems<'a>;

    /// Sends the items of a method's result. The first error ends the stream and the call.
    fn send_results<'a, R: Outcome<Ok = Self> + 'a>(
        results: Results,
        stream: impl Stream<Item = R> + Send + 'a,
        encode_error: EncodeFailure<R::Error>,
    ) -> SendItems<'a>;

    /// Finds the shape of the items.
    #[cfg(feature = "reflect")]
    fn shape(shapes: &mut Shapes) -> Shape;

    /// Converts a response to the stream that a method returned. `error` converts errors of the stream, whose data are in
    /// JSON if the second argument is `true`.
    ///
    /// # Errors
    ///
    /// Returns the error of the call, if the call failed before the stream began.
    fn receive<E>(
        answer: Result<Answered, CallError>,
        method: &MethodName,
        error: fn(StreamError, bool) -> E,
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
        encode_error: EncodeFailure<R::Error>,
    ) -> SendItems<'a> {
        let encoding = results.encoding;
        let encode = move |error: R::Error| encode_error(&error, encoding);
        let split = move |item: R| item.into_result().map_err(encode);
        Box::pin(send(results, stream, split))
    }

    #[cfg(feature = "reflect")]
    fn shape(shapes: &mut Shapes) -> Shape {
        // Items of these types are encoded as bytes, not as sequences of numbers.
        let bytes = [TypeId::of::<Bytes>(), TypeId::of::<Vec<u8>>()];
        if bytes.contains(&TypeId::of::<T>()) {
            return Shape::Bytes;
        }
        shapes.add::<T>()
    }

    #[inline(never)]
    fn receive<E>(
        answer: Result<Answered, CallError>,
        method: &MethodName,
        error: fn(StreamError, bool) -> E,
    ) -> Result<Receiver<T, E>, CallError> {
        let of_call = answer?.into_stream();
        let of_call = of_call.ok_or_else(|| {
            CallError::Decode(format!(
                "\"{method}\" returns a stream here, and the response is not a stream; {DEFINED_DIFFERENTLY}"
            ))
        })?;
        let codec = if method.is_json() {
            CodecId::Json
        } else {
            C::ID
        };
        Ok(Receiver::of_call(of_call, codec, error))
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
        ..
    } = results;
    match drive(stream, split, &mut producer, codec).await {
        Ok(()) => {
            producer.finish();
            Reply::Value(Payload::default())
        }
        // The response reports the error, after the items before it.
        Err(PumpError::Failed(error)) => Reply::Error(error),
        Err(PumpError::Gone(gone)) => Reply::Error(gone.into()),
    }
}

/// Converts an error of a stream whose items may be errors of the method, which `decode_error` decodes.
#[inline(never)]
pub fn item_error<E>(
    error: StreamError,
    json: bool,
    decode_error: fn(&ErrorData, bool) -> Option<E>,
) -> ItemError<E> {
    match error {
        StreamError::Call(CallError::Remote(data)) => match decode_error(&data, json) {
            Some(error) => ItemError::Handler(error),
            None => ItemError::Stream(CallError::Remote(data).into()),
        },
        error => ItemError::Stream(error),
    }
}

/// Converts the error of a method that may fail before its stream begins.
///
/// # Errors
///
/// Returns the method's own error or the error of the call.
#[inline(never)]
pub fn stream_outcome<R, E>(
    stream: Result<R, CallError>,
    method: &MethodName,
    decode_error: fn(&ErrorData, bool) -> Option<E>,
) -> Result<R, MethodError<E>> {
    stream.map_err(|error| match error {
        CallError::Remote(data) => match decode_error(&data, method.is_json()) {
            Some(error) => MethodError::Handler(error),
            None => MethodError::Call(CallError::Remote(data)),
        },
        error => MethodError::Call(error),
    })
}
