use std::sync::Arc;

use bytes::Bytes;

use super::Signature;
use crate::codec::form::{Form, Return};
use crate::codec::{self, Carries, Codec, ServiceError};
use crate::packet::Payload;
use crate::peer::{AsCaller, Call, CallError, Caller, Cast, MethodError, MethodId, MethodName};

/// What a generated client is a wrapper of: it calls methods by their [`Signature`].
#[derive(Clone, Debug)]
pub struct Client {
    caller: Caller,
    renamed: Option<Renamed>,
}

/// The arguments of `M` as they are encoded.
type Arguments<'a, M> = <<M as Signature>::Arguments as Form>::Sent<'a>;

/// What `M` returns.
type Returned<M> = <<M as Signature>::Result as Return>::Value;

impl Client {
    /// A client that calls through `caller`.
    pub fn new(caller: &impl AsCaller) -> Self {
        Self {
            caller: caller.as_caller(),
            renamed: None,
        }
    }

    /// The same client for an instance that was registered as `name`, not under the service's `own` name.
    #[must_use]
    pub fn named(mut self, own: &'static str, name: &str) -> Self {
        self.renamed = Some(Renamed::new(own, name));
        self
    }

    /// Calls a method that does not fail by itself. The arguments are encoded now, sent later.
    pub fn call<M: Signature>(
        &self,
        id: MethodId,
        arguments: Arguments<'_, M>,
    ) -> Call<Returned<M>> {
        Call::new(
            self.caller.clone(),
            self.name(id),
            encode::<M>(&arguments),
            |answer| decode::<M>(&answer?),
        )
    }

    /// Calls a method that may fail by itself.
    pub fn try_call<M: Signature>(
        &self,
        id: MethodId,
        arguments: Arguments<'_, M>,
    ) -> Call<Returned<M>, MethodError<M::Error>> {
        Call::new(
            self.caller.clone(),
            self.name(id),
            encode::<M>(&arguments),
            |answer| match answer {
                Ok(value) => Ok(decode::<M>(&value)?),
                Err(CallError::Remote(error)) => Err(
                    match M::Error::from_error_data(&error, <M::Codec as Codec>::ID) {
                        Some(error) => MethodError::Handler(error),
                        None => MethodError::Call(CallError::Remote(error)),
                    },
                ),
                Err(error) => Err(MethodError::Call(error)),
            },
        )
    }

    /// Calls a one-way method.
    pub fn cast<M: Signature>(&self, id: MethodId, arguments: Arguments<'_, M>) -> Cast {
        Cast::new(
            self.caller.clone(),
            self.name(id),
            encode::<M>(&arguments),
        )
    }

    fn name(&self, id: MethodId) -> MethodName {
        match &self.renamed {
            None => id.into(),
            Some(renamed) => renamed.method(id).into(),
        }
    }
}

/// A service's name, and the one it goes by here.
#[derive(Clone, Debug)]
pub(super) struct Renamed {
    own: &'static str,
    name: Arc<str>,
}

impl Renamed {
    pub(super) fn new(own: &'static str, name: &str) -> Self {
        Self {
            own,
            name: name.into(),
        }
    }

    /// The method's name: where `Arith` goes by `Second`, that of `Arith.sum` is `Second.sum`. Where it goes
    /// by no name at all, it is `sum`.
    pub(super) fn method(&self, id: MethodId) -> String {
        let method = id.name().strip_prefix(self.own).unwrap_or(id.name());
        let method = method.strip_prefix('.').unwrap_or(method);
        match &*self.name {
            "" => method.to_owned(),
            name => format!("{name}.{method}"),
        }
    }
}

fn encode<M: Signature>(arguments: &Arguments<'_, M>) -> Result<Payload, CallError> {
    let mut out = codec::take();
    match <M::Codec as Carries<M::Arguments>>::encode(arguments, &mut out) {
        Ok(()) => Ok(out.into()),
        Err(error) => {
            codec::give(out);
            Err(CallError::Encode(error.to_string()))
        }
    }
}

fn decode<M: Signature>(answer: &Bytes) -> Result<Returned<M>, CallError> {
    <M::Codec as Carries<M::Result>>::decode(answer)
        .map_err(|error| CallError::Decode(error.to_string()))
}
