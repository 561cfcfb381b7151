use std::sync::Arc;

use bytes::Bytes;
use chirp_runtime::channel::{
    Channel, Credentials, Endpoint, FailureKind, Identity, Reader, Writer,
};

use super::CloseReason;
use super::frame::{FrameDecoder, Side};
use super::halves::{FrameReader, FrameWriter, Input, MessageKind};
use super::output::Output;

/// A connection after its handshake.
pub(super) struct WebSocketConnection {
    pub(super) reader: Reader,
    /// Bytes that arrived after the handshake.
    pub(super) early: Bytes,
    pub(super) writer: Writer,
    pub(super) side: Side,
    pub(super) info: ChannelInfo,
}

/// The properties of a channel other than its bytes.
pub(super) struct ChannelInfo {
    pub(super) remote: Option<Endpoint>,
    pub(super) credentials: Option<Credentials>,
    pub(super) identity: Identity,
}

impl ChannelInfo {
    pub(super) fn of(channel: &Channel) -> Self {
        Self {
            remote: channel.remote().cloned(),
            credentials: channel.credentials(),
            identity: channel.identity(),
        }
    }

    pub(super) fn put_on(self, mut channel: Channel) -> Channel {
        if let Some(remote) = self.remote {
            channel = channel.with_remote(remote);
        }
        if let Some(credentials) = self.credentials {
            channel = channel.with_credentials(credentials);
        }
        channel.with_identity(self.identity)
    }
}

impl WebSocketConnection {
    /// Returns the channel of the bytes in binary messages.
    pub(super) fn into_channel(self) -> Channel {
        self.into_channel_of(MessageKind::Bytes)
    }

    /// Returns a channel whose lines are text messages of JSON.
    #[cfg(feature = "jsonrpc")]
    pub(super) fn into_lines(self) -> Channel {
        self.into_channel_of(MessageKind::Lines)
    }

    pub(super) fn into_channel_of(self, kind: MessageKind) -> Channel {
        let output = Arc::new(Output::new(self.writer, self.side));
        let decoder = FrameDecoder::new(self.side, kind.opcode());
        let input = Input::new(decoder, Arc::clone(&output));
        let reader = FrameReader::new(self.reader, self.early, input, kind);
        let hook = {
            let output = Arc::clone(&output);
            move |failure, text: &str| {
                // The text of a panic or of an error of this program is nothing for strangers.
                let text = match failure {
                    FailureKind::Internal => "a handler failed",
                    _ => text,
                };
                output.set_close_reason(CloseReason::code_of(failure), text);
            }
        };
        let channel = Channel::new(reader, FrameWriter::new(output, kind));
        self.info.put_on(channel.with_failure_hook(hook))
    }
}
