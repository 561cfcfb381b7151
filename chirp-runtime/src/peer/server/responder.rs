use std::sync::Arc;

use tokio::sync::oneshot;

use crate::packet::FrameworkError;
use crate::peer::Reply;
use crate::peer::connection::ConnectionCore;
use crate::session::InboundCallId;

/// Answers one call, from anywhere and at any time.
///
/// A handler that hands a call over, for example to an actor, gets the responder from
/// [`Request::defer`](crate::peer::Request::defer) and returns [`Reply::Deferred`]. The call counts as running until
/// the responder is used or dropped. Dropping it without a reply is a service error for the caller.
#[derive(Debug)]
pub struct Responder {
    target: Option<ReplyTarget>,
}

#[derive(Debug)]
enum ReplyTarget {
    Connection(Arc<ConnectionCore>, InboundCallId),
    Local(oneshot::Sender<Reply>),
}

/// A placeholder for the reply of a [`Responder`].
#[derive(Debug)]
pub struct Deferred {
    /// The call that will be answered, on a connection.
    pub(in crate::peer) id: Option<InboundCallId>,
    /// The reply, within this process.
    pub(in crate::peer) answer: Option<oneshot::Receiver<Reply>>,
}

impl Responder {
    pub(in crate::peer) fn remote(
        connection: Arc<ConnectionCore>,
        id: InboundCallId,
    ) -> (Self, Deferred) {
        (
            Self {
                target: Some(ReplyTarget::Connection(connection, id)),
            },
            Deferred {
                id: Some(id),
                answer: None,
            },
        )
    }

    pub(in crate::peer) fn local() -> (Self, Deferred) {
        let (sender, receiver) = oneshot::channel();
        (
            Self {
                target: Some(ReplyTarget::Local(sender)),
            },
            Deferred {
                id: None,
                answer: Some(receiver),
            },
        )
    }

    /// Answers the call. If the call was cancelled in the meantime, the reply is dropped.
    pub fn reply(mut self, reply: impl Into<Reply>) {
        self.send(reply.into());
    }

    /// Returns `true` if the caller still waits.
    pub fn is_wanted(&self) -> bool {
        match &self.target {
            Some(ReplyTarget::Connection(connection, id)) => connection.wants(*id),
            Some(ReplyTarget::Local(sender)) => !sender.is_closed(),
            None => false,
        }
    }

    fn send(&mut self, reply: Reply) {
        // A responder answers its own call and cannot defer that to another responder.
        let reply = if let Reply::Deferred(_) = reply {
            FrameworkError::NoReply.into()
        } else {
            reply
        };
        match self.target.take() {
            Some(ReplyTarget::Connection(connection, id)) => connection.complete(id, reply),
            // Sending fails if the caller has gone.
            Some(ReplyTarget::Local(sender)) => drop(sender.send(reply)),
            None => {}
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.send(FrameworkError::NoReply.into());
    }
}
