use chirp_runtime::channel::Channel;

#[cfg(feature = "websocket")]
use crate::websocket::WebSocket;

use super::message::VersionRule;
use super::{Dialect, Framing, adapter};

/// The settings of peers that speak JSON-RPC 2.0.
#[derive(Clone, Debug)]
pub struct JsonRpc {
    pub(super) framing: Framing,
    pub(super) dialect: Dialect,
    pub(super) max_message: usize,
    pub(super) max_batch: usize,
    pub(super) version: VersionRule,
    #[cfg(feature = "websocket")]
    pub(super) websocket: WebSocket,
}

impl JsonRpc {
    /// The default limit of one message in bytes: 16 MiB.
    pub const MAX_MESSAGE: usize = 16 << 20;

    /// The default limit of the entries of one batch.
    pub const MAX_BATCH: usize = 1000;

    /// Creates settings for JSON-RPC 2.0 as it is specified, with a message per line.
    pub fn new() -> Self {
        Self {
            framing: Framing::Lines,
            dialect: Dialect::Plain,
            max_message: Self::MAX_MESSAGE,
            max_batch: Self::MAX_BATCH,
            version: VersionRule::Required,
            #[cfg(feature = "websocket")]
            websocket: WebSocket::new(),
        }
    }

    /// Creates settings for the Language Server Protocol.
    pub fn lsp() -> Self {
        Self::new()
            .framing(Framing::ContentLength)
            .dialect(Dialect::Lsp)
    }

    /// Creates settings for the Model Context Protocol.
    pub fn mcp() -> Self {
        Self::new().dialect(Dialect::Mcp)
    }

    /// Creates settings for the Agent Client Protocol.
    pub fn acp() -> Self {
        Self::new().dialect(Dialect::Acp)
    }

    /// Sets how messages are separated in a stream of bytes.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Sets the conventions.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the limit of one message in bytes, 16 MiB by default.
    ///
    /// A longer message is skipped. A request is answered with an error, and a response fails its call. If the start of the
    /// message does not tell which it is, and calls wait for responses, the connection ends.
    #[must_use]
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Sets the limit of the entries of one batch, 1,000 by default. A larger batch is answered with one error, and nothing
    /// of it runs.
    #[must_use]
    pub fn max_batch(mut self, entries: usize) -> Self {
        self.max_batch = entries;
        self
    }

    /// Accepts messages without the member `jsonrpc`, which some programs leave out although the specification requires it. Other
    /// versions than 2.0 are refused as before, and messages to the other side have the member.
    #[must_use]
    pub fn version_optional(mut self) -> Self {
        self.version = VersionRule::Optional;
        self
    }

    /// Converts a channel to a program that speaks JSON-RPC into a channel for a peer, with the same identity, credentials
    /// and address.
    ///
    /// Requests of the other side are calls by JSON names, so the peer needs `PeerBuilder::reflect`. Notifications are calls
    /// without a response. Calls of the peer must be made in JSON, by clients with `with_json()`; others fail with
    /// [`FrameworkError::Unsupported`](chirp_runtime::packet::FrameworkError::Unsupported).
    ///
    /// JSON-RPC has no metadata: calls with metadata fail, unless it is optional and the dialect is not [`Dialect::Plain`].
    /// Traces are left out. A [`KeepAlive`](chirp_runtime::peer::KeepAlive) notices nothing, since no message asks for a sign
    /// of life.
    #[must_use]
    pub fn channel(&self, channel: impl Into<Channel>) -> Channel {
        adapter::channel(self, channel.into())
    }
}

impl Default for JsonRpc {
    fn default() -> Self {
        Self::new()
    }
}
