use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::caller::Target;
use super::{CallContext, CallError, Caller, Handling, MethodName, Reply, Request};
use crate::packet::{self, MAX_METHOD_LEN, Payload};

/// What came back from a call, before it is decoded.
pub(crate) type Answer = Result<Bytes, CallError>;

/// A call of a method: a future of its result.
///
/// It is lazy: it is sent at its first poll. Dropping it, at any time, cancels the work at the other
/// side and frees what it held.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<T, E = CallError> {
    state: State,
    finish: fn(Answer) -> Result<T, E>,
}

enum State {
    Unsent {
        caller: Caller,
        method: MethodName,
        params: Payload,
    },
    Local(Handling),
    Failed(CallError),
    Done,
}

impl<T, E> Call<T, E> {
    /// A call that is yet to be sent; `finish` makes its result of the answer. Parameters that could not
    /// be encoded fail it without sending anything.
    #[doc(hidden)]
    pub fn new(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        finish: fn(Answer) -> Result<T, E>,
    ) -> Self {
        let len = method.as_bytes().len();
        let state = match params {
            _ if len > MAX_METHOD_LEN => State::Failed(CallError::NameTooLong { len }),
            Ok(params) => State::Unsent {
                caller,
                method,
                params,
            },
            Err(error) => State::Failed(error),
        };
        Self { state, finish }
    }
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.state {
                State::Unsent { .. } => {
                    let State::Unsent {
                        caller,
                        method,
                        params,
                    } = mem::replace(&mut self.state, State::Done)
                    else {
                        continue;
                    };
                    let Target::Local(handler) = &caller.0;
                    let mut payload = Vec::new();
                    packet::Request::encode_head(&mut payload, 0, method.as_bytes(), params.len());
                    payload.drain(..8);
                    payload.extend_from_slice(params.as_slice());
                    let request = packet::Request::decode(payload.into()).expect("just encoded");
                    self.state = State::Local(
                        handler.handle(Request::new(CallContext::new(caller.clone()), request)),
                    );
                }
                State::Local(handling) => {
                    let reply = std::task::ready!(handling.as_mut().poll(cx));
                    self.state = State::Done;
                    let answer = match reply {
                        Reply::Value(value) => Ok(value.into_bytes()),
                        Reply::Error(error) => Err(CallError::from_error_data(error)),
                        Reply::UnknownMethod => Err(CallError::UnknownMethod),
                    };
                    return Poll::Ready((self.finish)(answer));
                }
                State::Failed(_) => {
                    let State::Failed(error) = mem::replace(&mut self.state, State::Done) else {
                        continue;
                    };
                    return Poll::Ready((self.finish)(Err(error)));
                }
                State::Done => panic!("a call was polled after it had given its result"),
            }
        }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}
