use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::contract::{Compatibility, CompatibilityCheck, Contract, compare};
#[cfg(feature = "reflect")]
use super::described_service::DescribedService;
use super::method::DEFINED_DIFFERENTLY;
#[cfg(feature = "reflect")]
use super::remote_description::RemoteDescription;
use super::{Service, ServiceTable};
use crate::codec::attaching::decoding;
use crate::codec::{Codec, CodecId, DecodeError, Encoder, StreamSource as _, type_name};
#[cfg(feature = "reflect")]
use crate::packet::DESCRIBE_METHOD;
use crate::packet::{ErrorData, JSON_SUFFIX, Payload};
use crate::peer::{
    Answered, AsCaller, Call, CallError, Caller, ClientLayer, MethodError, MethodId, MethodName,
    OneWayCall, RetryPolicy, Router,
};

/// The client that generated clients wrap. Calls methods by their ids.
#[derive(Clone, Debug)]
pub struct Client {
    caller: Caller,
    goes_by: ClientName,
    /// Whether calls are made in JSON.
    #[cfg(feature = "json")]
    json: bool,
}

/// The name of the service on the other side.
#[derive(Clone, Debug)]
enum ClientName {
    Own,
    Renamed(Renamed),
    /// A local instance, for which `named` and `prefixed` have no effect.
    Local,
}

impl Client {
    /// Creates a client that makes calls through `caller`.
    pub fn new(caller: &impl AsCaller) -> Self {
        Self {
            caller: caller.as_caller(),
            goes_by: ClientName::Own,
            #[cfg(feature = "json")]
            json: false,
        }
    }

    /// Creates a client without a connection, whose calls are templates for groups of targets.
    pub fn unbound() -> Self {
        Self::new(&Caller::unbound())
    }

    /// Creates a client of `service` in this process, without a connection.
    ///
    /// # Panics
    ///
    /// Panics if two methods of the service have the same name. Generated services with such methods do not compile.
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
        #[cfg(feature = "reflect")]
        router.reflect_with(|_, _| crate::peer::Reply::UnknownMethod);
        Self {
            caller: caller(router),
            goes_by: ClientName::Local,
            #[cfg(feature = "json")]
            json: false,
        }
    }

    /// Adds a layer around the calls of this client, inside of the layers that its caller has.
    #[must_use]
    pub fn with_layer(mut self, layer: impl ClientLayer) -> Self {
        self.caller = self.caller.with_layer(layer);
        self
    }

    /// Sets the name under which the instance was registered, in place of the service's `own` name.
    #[must_use]
    pub fn named(mut self, own: &'static str, name: &str) -> Self {
        if !matches!(self.goes_by, ClientName::Local) {
            self.goes_by = ClientName::Renamed(Renamed::new(own, name));
        }
        self
    }

    /// Sets a prefix of the instance's method names, in place of the service's `own` name and the dot.
    #[must_use]
    pub fn prefixed(mut self, own: &'static str, prefix: &str) -> Self {
        if !matches!(self.goes_by, ClientName::Local) {
            self.goes_by = ClientName::Renamed(Renamed::prefixed(own, prefix));
        }
        self
    }

    /// Adds an entry of metadata to every call.
    #[must_use]
    pub fn with_metadata(mut self, key: &str, value: &[u8]) -> Self {
        self.caller = self.caller.with_metadata(key, value);
        self
    }

    /// Limits the time of every call.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.caller = self.caller.with_timeout(timeout);
        self
    }

    /// Sends failed calls again by a policy.
    #[must_use]
    pub fn with_retry(mut self, policy: &RetryPolicy) -> Self {
        self.caller = self.caller.with_retry(policy);
        self
    }

    /// Makes every call in JSON.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn with_json(mut self) -> Self {
        // Without the feature `reflect`, nothing in this process serves JSON names.
        self.json = cfg!(feature = "reflect") || !matches!(self.goes_by, ClientName::Local);
        self
    }

    #[cfg(feature = "json")]
    fn is_json(&self) -> bool {
        self.json
    }

    #[cfg(not(feature = "json"))]
    #[expect(clippy::unused_self, reason = "as with the feature `json`")]
    fn is_json(&self) -> bool {
        false
    }

    /// Creates an encoder of arguments that are sent by position. In JSON they are sent by these names.
    #[inline]
    pub fn by_position<C: Codec>(&self, names: &'static [&'static str]) -> Encoder<C> {
        if self.is_json() {
            return Encoder::json(names);
        }
        Encoder::new()
    }

    /// Creates an encoder of arguments that are sent by these names.
    #[inline]
    pub fn by_name<C: Codec>(&self, names: &'static [&'static str]) -> Encoder<C> {
        if self.is_json() {
            return Encoder::json(names);
        }
        Encoder::named(names)
    }

    /// Creates an encoder of one argument, which is all of the parameters in codecs that have names.
    #[inline]
    pub fn params<C: Codec>(&self) -> Encoder<C> {
        if self.is_json() {
            return Encoder::json_params();
        }
        Encoder::params()
    }

    /// Creates a call of a method. `finish` converts the response to the method's result.
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

    /// Creates a call of a method whose result is a stream. `finish` converts the response to the stream.
    #[inline(never)]
    pub fn stream<C: Codec, T, E>(
        &self,
        id: MethodId,
        arguments: Encoder<C>,
        finish: fn(Result<Answered, CallError>, &MethodName) -> Result<T, E>,
    ) -> Call<T, E> {
        Call::streaming(
            self.caller.clone(),
            self.name(id),
            payload(arguments),
            if self.is_json() { CodecId::Json } else { C::ID },
            finish,
        )
    }

    /// Creates a call of a one-way method.
    #[inline(never)]
    pub fn call_one_way<C: Codec>(&self, id: MethodId, arguments: Encoder<C>) -> OneWayCall {
        OneWayCall::new(self.caller.clone(), self.name(id), payload(arguments))
    }

    /// Compares the contract of a service with the methods that the other side serves. With a table, compares the parts
    /// of the methods, too, if the other side describes them.
    ///
    /// # Errors
    ///
    /// The future returns the error of the request for signatures.
    pub fn compare(
        &self,
        contract: Contract,
        table: Option<&'static ServiceTable>,
    ) -> CompatibilityCheck {
        let client = self.clone();
        Box::pin(async move {
            let found = compare(&client.caller, contract, |id| client.own_name(id)).await?;
            Ok(client.compare_parts(found, contract, table).await)
        })
    }

    /// Adds the differences that the description of the other side shows. Without one, there are none.
    #[cfg(feature = "reflect")]
    async fn compare_parts(
        &self,
        mut found: Compatibility,
        contract: Contract,
        table: Option<&'static ServiceTable>,
    ) -> Compatibility {
        let Some(table) = table else {
            return found;
        };
        let name = match &self.goes_by {
            ClientName::Own | ClientName::Local => table.name,
            ClientName::Renamed(renamed) => renamed.instance_name(),
        };
        let described = self.caller.call(DESCRIBE_METHOD, name.to_owned()).await;
        if let Ok(answer) = described
            && let Some(remote) = RemoteDescription::decode(&answer)
        {
            let service = DescribedService::new(table, contract, name.to_owned());
            let local = service.description(|id| self.own_name(id).to_string());
            found.add(remote.compare(&local, self.is_json()));
        }
        found
    }

    #[cfg(not(feature = "reflect"))]
    #[expect(clippy::unused_async, reason = "as with the feature `reflect`")]
    async fn compare_parts(
        &self,
        found: Compatibility,
        _: Contract,
        _: Option<&'static ServiceTable>,
    ) -> Compatibility {
        found
    }

    /// Returns the name by which a method is called.
    #[inline]
    fn name(&self, id: MethodId) -> MethodName {
        if self.is_json() {
            return self.json_name(id);
        }
        self.own_name(id)
    }

    /// Returns the name by which a method is called in JSON.
    #[cold]
    fn json_name(&self, id: MethodId) -> MethodName {
        let mut name = match &self.goes_by {
            ClientName::Own | ClientName::Local => id.name().to_owned(),
            ClientName::Renamed(renamed) => renamed.method(id),
        };
        name.push_str(JSON_SUFFIX);
        name.into()
    }

    /// Returns the name of a method without the suffix for JSON.
    fn own_name(&self, id: MethodId) -> MethodName {
        match &self.goes_by {
            ClientName::Own | ClientName::Local => id.into(),
            ClientName::Renamed(renamed) => renamed.method(id).into(),
        }
    }
}

/// A replacement for a service's name in front of its methods' names.
#[derive(Clone, Debug)]
pub(super) struct Renamed {
    own: &'static str,
    prefix: Arc<str>,
}

impl Renamed {
    /// Replaces the service's name: with the name `Second` for `Arith`, `Arith.sum` becomes `Second.sum`.
    /// With an empty name it becomes `sum`.
    pub(super) fn new(own: &'static str, name: &str) -> Self {
        match name {
            "" => Self::prefixed(own, ""),
            name => Self::prefixed(own, &format!("{name}.")),
        }
    }

    /// Replaces the service's name and the dot: with the prefix `second_` for `Arith`, `Arith.sum` becomes
    /// `second_sum`.
    pub(super) fn prefixed(own: &'static str, prefix: &str) -> Self {
        Self {
            own,
            prefix: prefix.into(),
        }
    }

    /// Returns the name of the instance. Empty if its methods have a prefix without a dot.
    #[cfg(feature = "reflect")]
    pub(super) fn instance_name(&self) -> &str {
        self.prefix.strip_suffix('.').unwrap_or_default()
    }

    /// Returns the name of a method.
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

/// Decodes the result of a method that returns a plain value.
///
/// # Errors
///
/// Returns the error of the call, or [`CallError::Decode`] if the result cannot be decoded.
#[inline(never)]
pub fn value_of<T>(
    answer: Result<Answered, CallError>,
    method: &MethodName,
    decode: fn(Bytes, bool) -> Result<T, DecodeError>,
) -> Result<T, CallError> {
    let (data, arrived) = answer?.into_parts();
    let decoded = match arrived {
        None => decode(data, method.is_json()),
        Some(arrived) => {
            let (decoded, claims) = decoding(arrived.streams(), || decode(data, method.is_json()));
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

/// Decodes the result of a method that returns a `Result`.
///
/// # Errors
///
/// Returns the method's own error or the error of the call.
#[inline(never)]
pub fn outcome_of<T, E>(
    answer: Result<Answered, CallError>,
    method: &MethodName,
    decode: fn(Bytes, bool) -> Result<T, DecodeError>,
    decode_error: fn(&ErrorData, bool) -> Option<E>,
) -> Result<T, MethodError<E>> {
    match answer {
        Err(CallError::Remote(error)) => Err(match decode_error(&error, method.is_json()) {
            Some(error) => MethodError::Handler(error),
            None => MethodError::Call(CallError::Remote(error)),
        }),
        answer => Ok(value_of(answer, method, decode)?),
    }
}
