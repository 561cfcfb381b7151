use std::mem;
use std::sync::Arc;

use crate::codec::attaching::too_many_streams;
use crate::packet::{ErrorData, FrameworkError, Payload, ResultCode};
use crate::peer::Reply;
use crate::peer::client::caller::ConnectionRef;
use crate::peer::connection::{ConnectionCore, recycle};
use crate::peer::stream::endpoint::{OpenedHalves, specs};
use crate::peer::task;
use crate::session::{InboundCallId, Refused};

/// The end of inbound calls.
impl ConnectionCore {
    /// Ends a call with its handler's reply. The handler's future must have been dropped.
    pub(in crate::peer) fn complete(self: &Arc<Self>, id: InboundCallId, reply: Reply) {
        let Some((code, mut data)) = into_wire(id, reply) else {
            return;
        };
        if data.has_attachments() {
            return self.complete_with(id, code, data);
        }
        self.lock().complete(id, code, &mut data);
        recycle(data);
    }

    /// As [`complete`](Self::complete), for a response that opens streams.
    pub(in crate::peer) fn complete_with(
        self: &Arc<Self>,
        id: InboundCallId,
        code: ResultCode,
        data: Payload,
    ) {
        let known = self.look().session.streams_in_use().is_some();
        if known {
            self.complete_now(id, code, data);
        } else {
            self.complete_once_known(id, code, data);
        }
    }

    fn complete_now(self: &Arc<Self>, id: InboundCallId, code: ResultCode, mut data: Payload) {
        // Halves that cannot be sent belong to the program, and are dropped after the lock is released.
        let mut attachments = data.detach();
        let opens = specs(&attachments);
        let mut opened = None;
        let mut state = self.lock();
        // After the end there is no peer to respond to.
        if state.end.is_none() {
            match state.session.respond_with(id, code, &mut data, &opens) {
                Ok(keys) => {
                    let attachments = mem::take(&mut attachments);
                    opened = Some(OpenedHalves::new(attachments, &keys, &mut state));
                }
                Err(refused) => {
                    // The method has id: *busy* and *unsupported* would deny that.
                    let reason = match refused {
                        Refused::TooManyInPacket { limit } => too_many_streams(limit),
                        Refused::TooManyStreams { .. } => {
                            "the result has too many streams".to_owned()
                        }
                        _ => {
                            "it has streams, and one of the two sides does not know them".to_owned()
                        }
                    };
                    let error = FrameworkError::InvalidResult
                        .to_error_data(&reason)
                        .encode();
                    let code = ResultCode::ServiceError;
                    state.session.respond(id, code, &mut error.into());
                }
            }
        }
        state.finish(id);
        drop(state);
        recycle(data);
        if let Some(opened) = opened {
            opened.bind(&ConnectionRef::uncounted(self));
        }
    }

    /// Sends a response that opens streams once it is known whether the peer supports them. The caller could not know
    /// that it would be asked.
    fn complete_once_known(self: &Arc<Self>, id: InboundCallId, code: ResultCode, data: Payload) {
        // Made here: a task that is aborted before its first poll must end the call, too.
        let mut answer = Finishing {
            connection: Arc::clone(self),
            id: Some(id),
        };
        let task = task::spawn(&self.runtime, async move {
            // If nothing can be learned, the session refuses the streams.
            let _ = answer.connection.learn_hello().await;
            answer.id = None;
            answer.connection.complete_now(id, code, data);
        });
        self.lock().put_task(id, task);
    }

    /// Ends a call whose handler was interrupted and dropped.
    pub(in crate::peer) fn finish(&self, id: InboundCallId) {
        self.lock().finish(id);
    }
}

/// Ends a call when its delayed response is dropped, because the call was cancelled.
struct Finishing {
    connection: Arc<ConnectionCore>,
    id: Option<InboundCallId>,
}

impl Drop for Finishing {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.connection.finish(id);
        }
    }
}

/// Encodes a reply. Returns `None` if a responder will reply later.
pub(in crate::peer) fn into_wire(id: InboundCallId, reply: Reply) -> Option<(ResultCode, Payload)> {
    Some(match reply {
        Reply::Value(value) => (ResultCode::Success, value),
        Reply::Error(error) => (ResultCode::ServiceError, error.encode().into()),
        Reply::UnknownMethod => (ResultCode::UnknownMethod, Payload::default()),
        Reply::Deferred(deferred) if deferred.id == Some(id) => return None,
        // The responder belongs to another call, so nothing would answer this one.
        Reply::Deferred(_) => (
            ResultCode::ServiceError,
            ErrorData::from(FrameworkError::NoReply).encode().into(),
        ),
    })
}
