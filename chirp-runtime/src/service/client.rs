use std::sync::Arc;

use bytes::Bytes;

use super::Service;
use super::contract::{CompatibilityCheck, Contract, compare};
use super::method::DEFINED_DIFFERENTLY;
use crate::codec::attaching::decoding;
use crate::codec::{Codec, DecodeError, Encoder, StreamSource as _, type_name};
use crate::packet::{ErrorData, Payload};
use crate::peer::{
    Answered, AsCaller, Call, CallError, Caller, MethodError, MethodId, MethodName, OneWayCall,
    Router,
};

/// What a generated client is a wrapper of: it calls methods by their ids.
#[derive(Clone, Debug)]
pub struct Client {
    caller: Caller,
    goes_by: ClientName,
}

/// What a client calls its service.
#[derive(Clone, Debug)]
enum ClientName {
    Own,
    Renamed(Renamed),
    /// There is one instance, by its own name, whatever the client is told.
    Local,
}

impl Client {
    /// A client that calls through `caller`.
    pub fn new(caller: &impl AsCaller) -> Self {
        Self {
            caller: caller.as_caller(),
            goes_by: ClientName::Own,
        }
    }

    /// A client of `service` in this process, without a connection.
    ///
    /// # Panics
    ///
    /// When two of the service's own methods have one name, which does not compile.
    pub fn local(service: impl Service) -> Self {
        Self::of_router(service, Caller::local)
    }

    /// As [`local`](Self::local), with a caller for handlers to call back.
    ///
    /// # Panics
    ///
    /// As [`local`](Self::local).
    pub fn local_with(service: impl Service, back: &impl AsCaller) -> Self {
        Self::of_router(service, |router| {
            Caller::local_with(router, back.as_caller())
        })
    }

    fn of_router(service: impl Service, caller: impl FnOnce(Router) -> Caller) -> Self {
        let mut router = Router::default();
        service
            .register(&mut router)
            .expect("the names of one service are distinct");
        Self {
            caller: caller(router),
            goes_by: ClientName::Local,
        }
    }

    /// The same client for an instance that was registered as `name`, not under the service's `own` name.
    #[must_use]
    pub fn named(mut self, own: &'static str, name: &str) -> Self {
        if !matches!(self.goes_by, ClientName::Local) {
            self.goes_by = ClientName::Renamed(Renamed::new(own, name));
        }
        self
    }

    /// The same client for an instance whose methods have `prefix` before their names, in place of the service's `own`
    /// name and its dot.
    #[must_use]
    pub fn prefixed(mut self, own: &'static str, prefix: &str) -> Self {
        if !matches!(self.goes_by, ClientName::Local) {
            self.goes_by = ClientName::Renamed(Renamed::prefixed(own, prefix));
        }
        self
    }

    /// Calls a method; `finish` makes its result of the answer.
    #[inline(never)]
    pub fn call<C: Codec, T, E>(
        &self,
        id: MethodId,
        arguments: Encoder<C>,
        finish: fn(Result<Answered, CallError>, &MethodName) -> Result<T, E>,
    ) -> Call<T, E> {
        Call::new(
            self.caller.clone(),
            self.name(id),
            payload(arguments),
            finish,
        )
    }

    /// Calls a method whose result is a stream; `finish` makes that of the answer.
    #[inline(never)]
    pub fn stream<C: Codec, T, E>(
        &self,
        id: MethodId,
        arguments: Encoder<C>,
        finish: fn(Result<Answered, CallError>, &MethodName) -> Result<T, E>,
    ) -> Call<T, E> {
        self.call(id, arguments, finish).streaming(C::ID)
    }

    /// Calls a one-way method.
    #[inline(never)]
    pub fn call_one_way<C: Codec>(&self, id: MethodId, arguments: Encoder<C>) -> OneWayCall {
        OneWayCall::new(self.caller.clone(), self.name(id), payload(arguments))
    }

    /// Compares a service's contract with what the other side serves.
    ///
    /// # Errors
    ///
    /// Why the question had no answer.
    pub fn compare(&self, contract: Contract) -> CompatibilityCheck {
        let client = self.clone();
        Box::pin(compare(self.caller.clone(), contract, move |id| {
            client.name(id)
        }))
    }

    fn name(&self, id: MethodId) -> MethodName {
        match &self.goes_by {
            ClientName::Own | ClientName::Local => id.into(),
            ClientName::Renamed(renamed) => renamed.method(id).into(),
        }
    }
}

/// A service's name, and what stands before its methods' names here.
#[derive(Clone, Debug)]
pub(super) struct Renamed {
    own: &'static str,
    prefix: Arc<str>,
}

impl Renamed {
    /// Where `Arith` goes by `Second`, the name of `Arith.sum` is `Second.sum`. Where it goes by no name at all, it is
    /// `sum`.
    pub(super) fn new(own: &'static str, name: &str) -> Self {
        match name {
            "" => Self::prefixed(own, ""),
            name => Self::prefixed(own, &format!("{name}.")),
        }
    }

    /// Where `Arith` has the prefix `second_`, the name of `Arith.sum` is `second_sum`.
    pub(super) fn prefixed(own: &'static str, prefix: &str) -> Self {
        Self {
            own,
            prefix: prefix.into(),
        }
    }

    /// The method's name.
    pub(super) fn method(&self, id: MethodId) -> String {
        let method = id.name().strip_prefix(self.own).unwrap_or(id.name());
        let method = method.strip_prefix('.').unwrap_or(method);
        format!("{}{method}", self.prefix)
    }
}

fn payload<C: Codec>(arguments: Encoder<C>) -> Result<Payload, CallError> {
    arguments
        .payload()
        .map_err(|error| CallError::Encode(error.to_string()))
}

/// The result of a method that does not fail by itself.
///
/// # Errors
///
/// Why the call failed.
#[inline(never)]
pub fn value_of<T>(
    answer: Result<Answered, CallError>,
    method: &MethodName,
    decode: fn(Bytes) -> Result<T, DecodeError>,
) -> Result<T, CallError> {
    let (data, arrived) = answer?.into_parts();
    let decoded = match arrived {
        None => decode(data),
        Some(arrived) => {
            let (decoded, claims) = decoding(arrived.streams(), || decode(data));
            decoded.and_then(|value| arrived.settle(claims).map(|()| value))
        }
    };
    decoded.map_err(|error| undecodable(&error, method, &type_name::<T>()))
}

/// The error of a call whose answer is not what the method returns here.
#[cold]
fn undecodable(error: &DecodeError, method: &MethodName, expected: &str) -> CallError {
    let hint = if error.is_of_bytes() {
        format!("; {DEFINED_DIFFERENTLY}")
    } else {
        String::new()
    };
    CallError::Decode(format!(
        "\"{method}\" returns {expected} here: {error}{hint}"
    ))
}

/// The result of a method that may fail by itself.
///
/// # Errors
///
/// The method's own error, or why the call failed.
#[inline(never)]
pub fn outcome_of<T, E>(
    answer: Result<Answered, CallError>,
    method: &MethodName,
    decode: fn(Bytes) -> Result<T, DecodeError>,
    decode_error: fn(&ErrorData) -> Option<E>,
) -> Result<T, MethodError<E>> {
    match answer {
        Err(CallError::Remote(error)) => Err(match decode_error(&error) {
            Some(error) => MethodError::Handler(error),
            None => MethodError::Call(CallError::Remote(error)),
        }),
        answer => Ok(value_of(answer, method, decode)?),
    }
}
