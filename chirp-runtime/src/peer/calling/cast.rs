use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::packet::Payload;
use crate::peer::calling::caller::Target;
use crate::peer::calling::local::LocalCall;
use crate::peer::calling::queued::Queued;
use crate::peer::calling::route::{self, Finding};
use crate::peer::{CallError, Caller, MethodName};

/// A one-way call: a future that is ready when the packet is in the transmit buffer.
///
/// Nobody learns whether the method ran: where loss matters, use a call. Like a call it is sent at its
/// first poll, or by [`start`](Self::start); dropping it before it is ready takes it back.
///
/// Halves of streams in its arguments belong to nobody's call: they live until one of the two halves ends. If the other
/// side does not know streams, the call is ready with [`CallError::Refused`], and is not sent.
///
/// Made through [`Caller::local`], it is ready when the method has run; with halves of streams among its arguments, as
/// soon as the method has begun.
#[must_use = "one-way calls are sent when awaited or started with `.start()`"]
pub struct Cast(State);

enum State {
    Unsent {
        caller: Caller,
        method: MethodName,
        params: Payload,
    },
    /// It waits for a connection.
    Finding(Box<Finding>),
    Remote(Queued),
    Local(LocalCall),
    Failed(CallError),
    Over,
}

impl Cast {
    /// A one-way call that is yet to be sent.
    #[doc(hidden)]
    pub fn new(caller: Caller, method: MethodName, params: Result<Payload, CallError>) -> Self {
        Self(match method.check().and(params) {
            Ok(params) => State::Unsent {
                caller,
                method,
                params,
            },
            Err(error) => State::Failed(error),
        })
    }

    /// Sends the call now. Await the rest to know that there was room for it.
    pub fn start(mut self) -> Self {
        self.send();
        self
    }

    fn send(&mut self) {
        let State::Unsent { .. } = self.0 else { return };
        let State::Unsent {
            caller,
            method,
            params,
        } = mem::replace(&mut self.0, State::Over)
        else {
            return;
        };
        self.0 = match caller.0 {
            Target::Routed(route) => {
                if let Some(caller) = route::current(&*route) {
                    self.0 = State::Unsent {
                        caller,
                        method,
                        params,
                    };
                    return self.send();
                }
                let finding = Finding::new(&route, false, method, params, None);
                State::Finding(Box::new(finding))
            }
            Target::Remote(link) => {
                let connection = link.connection();
                let sent = if params.has_attachments() {
                    connection.cast_with(&link, &method, params)
                } else {
                    connection.cast(&method, params)
                };
                match sent {
                    Ok(ticket) => State::Remote(Queued::new(link, ticket)),
                    Err(error) => State::Failed(error),
                }
            }
            Target::Local(handler, back) => {
                // Whoever feeds a stream to the method does so when the call has been sent.
                let runs_alone = params.has_attachments();
                match LocalCall::new(&*handler, *back, &method, params, None) {
                    Ok((local, _)) if runs_alone => {
                        local.detach();
                        State::Over
                    }
                    Ok((local, _)) => State::Local(local),
                    Err(error) => State::Failed(error),
                }
            }
            // An ordinary one-way call of an unknown method is lost without a word.
            Target::Nobody => State::Over,
        };
    }
}

impl Future for Cast {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.send();
        if let State::Finding(finding) = &mut self.0 {
            self.0 = match ready!(finding.poll(cx)) {
                Ok(caller) => State::Unsent {
                    caller,
                    method: finding.method.clone(),
                    params: mem::take(&mut finding.params),
                },
                Err(error) => State::Failed(error),
            };
            self.send();
        }
        let done = match &mut self.0 {
            State::Remote(queued) => ready!(queued.poll(cx)),
            State::Local(local) => {
                let _ = ready!(local.poll(cx));
                Ok(())
            }
            State::Failed(error) => Err(error.clone()),
            State::Unsent { .. } | State::Finding(_) | State::Over => Ok(()),
        };
        self.0 = State::Over;
        Poll::Ready(done)
    }
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Unsent { method, .. } => f.debug_tuple("Cast").field(method).finish(),
            _ => f.write_str("Cast(sent)"),
        }
    }
}
