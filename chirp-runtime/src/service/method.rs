use std::fmt;
use std::sync::Arc;

use crate::codec::{ArgumentNames, Codec, Decoder, EncodeError};
use crate::packet::{ErrorData, FrameworkError, Payload};
use crate::peer::{HandlerFuture, MethodId, Reply, Request};

/// One method of a service: the names that it answers to, and what calls it.
pub struct Method<T> {
    pub(super) id: MethodId,
    pub(super) aliases: &'static [MethodId],
    pub(super) handle: MethodHandler<T>,
}

/// What calls a method.
pub(super) enum MethodHandler<T> {
    /// A future of its reply.
    Waits(fn(Arc<T>, Request) -> HandlerFuture),
    /// A function that may block its thread.
    Blocks(fn(&T, &Request) -> Reply),
}

impl<T> Method<T> {
    /// A method that answers to the name of `id`.
    pub const fn new(id: MethodId, handle: fn(Arc<T>, Request) -> HandlerFuture) -> Self {
        Self {
            id,
            aliases: &[],
            handle: MethodHandler::Waits(handle),
        }
    }

    /// A method that blocks its thread.
    pub const fn blocking(id: MethodId, handle: fn(&T, &Request) -> Reply) -> Self {
        Self {
            id,
            aliases: &[],
            handle: MethodHandler::Blocks(handle),
        }
    }

    /// The same method, which answers to other names as well.
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

/// The arguments of a call.
pub fn arguments<C: Codec>(request: &Request) -> Decoder<'_, C> {
    with_streams(Decoder::new(request.params()), request)
}

/// Arguments may name streams. One that is to be the result has been taken by now, if the method has such a result.
#[inline]
fn with_streams<'r, C: Codec>(decoder: Decoder<'r, C>, request: &'r Request) -> Decoder<'r, C> {
    let Some(arrived) = request.arrived() else {
        return decoder;
    };
    let mut decoder = decoder.with_streams(Some(arrived));
    if arrived.has_result() {
        decoder.refuse("the result of this method is not a stream");
    }
    decoder
}

/// The arguments of a call of a method that is `#[chirp(named)]`.
pub fn named_arguments<C: Codec>(request: &Request, names: ArgumentNames) -> Decoder<'_, C> {
    with_streams(Decoder::named(request.params(), names), request)
}

/// The likely reason for bytes that cannot be decoded.
pub(super) const DEFINED_DIFFERENTLY: &str = "the two sides probably define the method differently";

/// The reply to a call whose arguments are not what the method takes.
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

/// The reply of a method that does not fail by itself.
#[inline(never)]
pub fn value<T>(value: T, encode: fn(T) -> Result<Payload, EncodeError>) -> Reply {
    match encode(value) {
        Ok(payload) => Reply::Value(payload),
        Err(error) => FrameworkError::InvalidResult
            .to_error_data(&error.to_string())
            .into(),
    }
}

/// The reply of a method that may fail by itself.
#[inline(never)]
pub fn outcome<T, E>(
    outcome: Result<T, E>,
    encode: fn(T) -> Result<Payload, EncodeError>,
    encode_error: fn(&E) -> ErrorData,
) -> Reply {
    match outcome {
        Ok(ok) => value(ok, encode),
        Err(error) => Reply::Error(encode_error(&error)),
    }
}

/// The reply of a one-way method, which nobody reads.
pub fn nothing((): ()) -> Reply {
    Reply::Value(Payload::default())
}
