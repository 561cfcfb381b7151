//! Channels over WebSocket.
