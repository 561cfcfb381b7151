use std::fmt;
use std::sync::Arc;

use super::Signature;
use crate::codec::form::{Form, Return};
use crate::codec::{self, Carries, Codec, ServiceError};
use crate::packet::{Fault, Payload};
use crate::peer::{Handling, MethodId, Reply, Request};

/// One method of a service: the names that it answers to, and what calls it.
pub struct Method<T> {
    pub(super) id: MethodId,
    pub(super) aliases: &'static [MethodId],
    pub(super) handle: fn(Arc<T>, Request) -> Handling,
}

impl<T> Method<T> {
    /// A method that answers to the name of `id`.
    pub const fn new(id: MethodId, handle: fn(Arc<T>, Request) -> Handling) -> Self {
        Self {
            id,
            aliases: &[],
            handle,
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

/// The arguments of a call of `M`, lent from its request where the codec can.
///
/// # Errors
///
/// The reply that refuses the call, when they are not what `M` takes.
pub fn arguments<M: Signature>(
    request: &Request,
) -> Result<<M::Arguments as Form>::Got<'_>, Reply> {
    <M::Codec as Carries<M::Arguments>>::decode(request.params())
        .map_err(|error| Fault::BadArguments.to_error_data(&error.to_string()).into())
}

/// The reply of a method that does not fail by itself.
pub fn value<M: Signature>(value: <M::Result as Return>::Value) -> Reply {
    encode::<M>(&value)
}

/// The reply of a method that may fail by itself.
pub fn outcome<M: Signature>(outcome: Result<<M::Result as Return>::Value, M::Error>) -> Reply {
    match outcome {
        Ok(value) => encode::<M>(&value),
        Err(error) => Reply::Error(error.to_error_data(<M::Codec as Codec>::ID)),
    }
}

/// The reply of a one-way method, which nobody reads.
pub fn nothing((): ()) -> Reply {
    Reply::Value(Payload::default())
}

fn encode<M: Signature>(value: &<M::Result as Return>::Value) -> Reply {
    let mut out = codec::take();
    match <M::Codec as Carries<M::Result>>::encode(value, &mut out) {
        Ok(()) => Reply::Value(out.into()),
        Err(error) => {
            codec::give(out);
            Fault::BadResult.to_error_data(&error.to_string()).into()
        }
    }
}
