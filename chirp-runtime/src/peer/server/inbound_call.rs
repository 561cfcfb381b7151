use std::sync::Arc;

use tokio::time::Instant;

use crate::packet::{CallInfo, RequestPacket};
use crate::peer::stream::inbound_streams::UnboundStreams;
use crate::session::InboundCallId;

/// A request whose handler has not been started.
pub(in crate::peer) struct InboundCall {
    pub(in crate::peer) id: InboundCallId,
    pub(in crate::peer) request: RequestPacket,
    /// When the handler is interrupted, if the caller set a deadline and sent it.
    pub(in crate::peer) deadline: Option<Instant>,
    /// The trace and the metadata, if the caller sent any.
    pub(in crate::peer) info: Option<Arc<CallInfo>>,
    /// The streams that came with the request.
    pub(in crate::peer) streams: Option<UnboundStreams>,
}
