use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::ErrorData;
use chirp::reflect::JsonCaller;
use chirp::{CallError, Caller, MethodName, StreamError, TryRecvError};

use super::Shared;
use crate::call_failure;
use crate::failure::Failure;

/// A call that is made again and again.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) caller: Caller,
    pub(crate) request: Request,
    /// The time limit of each call.
    pub(crate) limit: Option<Duration>,
}

/// The method of a [`Target`], and its arguments.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// A method with a single result. JSON arguments are encoded once, not for each call.
    Value { method: MethodName, params: Bytes },
    /// A method whose result is a stream, with arguments in JSON.
    Stream { method: String, arguments: String },
}

/// The reason why a call failed.
#[derive(Debug)]
pub(crate) enum CallFailure {
    Call(CallError),
    Stream(StreamError),
}

impl CallFailure {
    /// Returns `true` if no further call can succeed.
    pub(crate) fn is_connection_lost(&self) -> bool {
        matches!(
            self,
            Self::Call(CallError::ConnectionLost(_) | CallError::NotConnected(_))
                | Self::Stream(StreamError::ConnectionLost(_))
        )
    }

    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Call(CallError::DeadlineExceeded { .. }))
            || matches!(self, Self::Stream(StreamError::TimedOut { .. }))
    }

    /// Explains the error of a single call.
    pub(crate) fn explain(&self, method: &str) -> Failure {
        match self {
            Self::Call(error) => call_failure::of_call(method, error),
            Self::Stream(error) => call_failure::of_stream(method, error, false),
        }
    }

    /// Returns a name for errors of one kind.
    pub(crate) fn kind(&self) -> String {
        let of_method = |data: &ErrorData| format!("error {}", data.code);
        match self {
            _ if self.is_connection_lost() => "connection lost".to_owned(),
            _ if self.is_timeout() => "timed out".to_owned(),
            Self::Call(CallError::Remote(data) | CallError::MalformedErrorData(data))
            | Self::Stream(StreamError::Failed(data) | StreamError::Refused(data)) => {
                of_method(data)
            }
            Self::Call(CallError::UnknownMethod { .. }) => "unknown method".to_owned(),
            Self::Call(CallError::Rejected { reason, .. })
            | Self::Stream(StreamError::Framework { reason, .. }) => reason.to_string(),
            Self::Call(CallError::TooManyPending { .. }) => "too many pending calls".to_owned(),
            Self::Stream(StreamError::Incomplete { .. }) => "stream incomplete".to_owned(),
            _ => "other".to_owned(),
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Stream(error) => error.fmt(f),
        }
    }
}

impl Target {
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.request, Request::Stream { .. })
    }

    /// Makes the call once, to find mistakes. An error of the method itself is none: it may be what is to be measured.
    pub(crate) async fn try_call(&self) -> Result<(), CallFailure> {
        let result = match &self.request {
            Request::Value { method, params } => self.call_value(method, params).await,
            Request::Stream { method, arguments } => {
                let call = JsonCaller::new(&self.caller).stream(method, &arguments[..]);
                call.await.map(drop).map_err(CallFailure::Call)
            }
        };
        match result {
            Err(CallFailure::Call(CallError::Remote(_))) => Ok(()),
            result => result,
        }
    }

    /// Makes the call, and receives all items of its result.
    pub(crate) async fn call(&self, shared: &Shared) -> Result<(), CallFailure> {
        match &self.request {
            Request::Value { method, params } => self.call_value(method, params).await,
            Request::Stream { method, arguments } => {
                self.receive_all(method, arguments, shared).await
            }
        }
    }

    async fn call_value(&self, method: &MethodName, params: &Bytes) -> Result<(), CallFailure> {
        let call = self.caller.call(method.clone(), params.clone());
        let called = match self.limit {
            Some(limit) => call.timeout(limit).await,
            None => call.await,
        };
        called.map(drop).map_err(CallFailure::Call)
    }

    async fn receive_all(
        &self,
        method: &str,
        arguments: &str,
        shared: &Shared,
    ) -> Result<(), CallFailure> {
        let call = JsonCaller::new(&self.caller).stream(method, arguments);
        let stream = match self.limit {
            Some(limit) => call.timeout(limit).await,
            None => call.await,
        };
        let mut items = stream.map_err(CallFailure::Call)?;
        while let Some(item) = items.recv().await {
            item.map_err(CallFailure::Stream)?;
            let mut count = 1;
            let end = loop {
                match items.try_recv() {
                    Ok(Ok(_)) => count += 1,
                    Ok(Err(error)) => break Some(Err(CallFailure::Stream(error))),
                    Err(TryRecvError::Disconnected) => break Some(Ok(())),
                    Err(TryRecvError::Empty) => break None,
                }
            };
            shared.count_items(count);
            if let Some(end) = end {
                return end;
            }
        }
        Ok(())
    }
}
