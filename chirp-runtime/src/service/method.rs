use std::fmt;
use std::sync::Arc;

use crate::codec::{ArgumentNames, Codec, Decoder, EncodeError, ValueEncoding};
use crate::packet::{ErrorData, FrameworkError, Payload};
use crate::peer::{AcquireOrder, BlockingPool, HandlerFuture, MethodId, Reply, Request};

/// A method of a service: its names and its handler.
pub struct Method<T> {
    pub(super) id: MethodId,
    pub(super) aliases: &'static [MethodId],
    pub(super) handle: MethodHandler<T>,
}

/// The handler of a method.
pub(super) enum MethodHandler<T> {
    /// A function that returns a future of the reply.
    Waits(fn(Arc<T>, Request) -> HandlerFuture),
    /// A function that may block its thread, and the function that calls it on another thread. A pointer, so that a
    /// program without such methods is linked without the code.
    Blocks(BlockingHandler<T>, RunBlocking<T>),
}

/// A method that may block its thread.
pub(super) type BlockingHandler<T> = fn(&T, &Request) -> Reply;

/// Calls a blocking method on a thread of the pool, once it is its turn.
type RunBlocking<T> =
    fn(BlockingHandler<T>, Arc<T>, Request, (BlockingPool, Option<AcquireOrder>)) -> HandlerFuture;

impl<T> Method<T> {
    /// Creates a method with the name of `id`.
    pub const fn new(id: MethodId, handle: fn(Arc<T>, Request) -> HandlerFuture) -> Self {
        Self {
            id,
            aliases: &[],
            handle: MethodHandler::Waits(handle),
        }
    }

    /// Creates a method that blocks its thread.
    pub const fn blocking(id: MethodId, handle: fn(&T, &Request) -> Reply) -> Self
    where
        T: Send + Sync + 'static,
    {
        Self {
            id,
            aliases: &[],
            handle: MethodHandler::Blocks(handle, run_blocking),
        }
    }

    /// Adds alternative names of the method.
    #[must_use]
    pub const fn or(self, aliases: &'static [MethodId]) -> Self {
        Self { aliases, ..self }
    }
}

impl<T> fmt::Debug for Method<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Method({})", self.id)
    }
}

/// Calls a method on a thread of the pool, once it is its turn.
fn run_blocking<T: Send + Sync + 'static>(
    handle: BlockingHandler<T>,
    implementation: Arc<T>,
    request: Request,
    (blocking, turn): (BlockingPool, Option<AcquireOrder>),
) -> HandlerFuture {
    Box::pin(async move {
        let held = match turn {
            Some(turn) => Some(turn.await),
            None => None,
        };
        let run = blocking.run(request, move |request| {
            // The permit is held until the function returns, even if the call was dropped before.
            let _held = held;
            handle(&implementation, &request)
        });
        run.await
    })
}

/// Returns a decoder of a call's positional arguments.
pub fn arguments<C: Codec>(request: &Request) -> Decoder<'_, C> {
    #[cfg(feature = "reflect")]
    if let Some(arguments) = request.json() {
        return with_streams(Decoder::json(request.params(), arguments, true), request);
    }
    with_streams(Decoder::new(request.params()), request)
}

/// Adds the streams that were sent with the arguments. If the method's result is a stream, its stream has
/// been taken before.
#[inline]
fn with_streams<'r, C: Codec>(decoder: Decoder<'r, C>, request: &'r Request) -> Decoder<'r, C> {
    let Some(arrived) = request.arrived() else {
        return decoder;
    };
    let mut decoder = decoder.with_streams(Some(arrived));
    if arrived.has_result() {
        decoder
            .refuse("the caller expects a stream, but the result of this method is not a stream");
    }
    decoder
}

/// Returns a decoder of the arguments of a `#[chirp(named)]` method.
pub fn named_arguments<C: Codec>(request: &Request, names: ArgumentNames) -> Decoder<'_, C> {
    #[cfg(feature = "reflect")]
    if let Some(arguments) = request.json() {
        return with_streams(Decoder::json(request.params(), arguments, false), request);
    }
    with_streams(Decoder::named(request.params(), names), request)
}

/// Returns a decoder of the argument of a `#[chirp(params)]` method.
pub fn params<C: Codec>(request: &Request) -> Decoder<'_, C> {
    #[cfg(feature = "reflect")]
    if let Some(arguments) = request.json() {
        return with_streams(Decoder::json_params(request.params(), arguments), request);
    }
    with_streams(Decoder::params(request.params()), request)
}

/// The likely reason if a value cannot be decoded.
pub(super) const DEFINED_DIFFERENTLY: &str = "the two sides probably define the method differently";

/// Creates the reply to a call whose arguments could not be decoded.
#[inline(never)]
pub fn refused<C: Codec>(arguments: Decoder<'_, C>) -> Reply {
    let reason = arguments.framework_error();
    let error = arguments.error();
    let detail = match reason {
        FrameworkError::InvalidArguments if error.is_of_bytes() => {
            format!("{error}; {DEFINED_DIFFERENTLY}")
        }
        _ => error.to_string(),
    };
    reason.to_error_data(&detail).into()
}

/// The conversion of a result of type `T` to the payload of a response.
pub type EncodeResult<T> = fn(T, ValueEncoding) -> Result<Payload, EncodeError>;

/// The conversion of an error of type `E` to its representation on the wire.
pub type EncodeFailure<E> = fn(&E, ValueEncoding) -> ErrorData;

/// Creates the reply of a method that returns a plain value.
#[inline(never)]
pub fn value<T>(value: T, encode: EncodeResult<T>, request: &Request) -> Reply {
    match encode(value, request.encoding()) {
        Ok(payload) => Reply::Value(payload),
        Err(error) => FrameworkError::InvalidResult
            .to_error_data(&error.to_string())
            .into(),
    }
}

/// Creates the reply of a method that returns a `Result`.
#[inline(never)]
pub fn outcome<T, E>(
    outcome: Result<T, E>,
    encode: EncodeResult<T>,
    encode_error: EncodeFailure<E>,
    request: &Request,
) -> Reply {
    match outcome {
        Ok(ok) => value(ok, encode, request),
        Err(error) => failure(&error, encode_error, request),
    }
}

/// Creates the reply of a method that returns an error.
pub fn failure<E>(error: &E, encode_error: EncodeFailure<E>, request: &Request) -> Reply {
    Reply::Error(encode_error(error, request.encoding()))
}

/// Creates the empty reply of a one-way method, which is not sent.
pub fn nothing((): ()) -> Reply {
    Reply::Value(Payload::default())
}
