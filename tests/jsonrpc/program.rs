use chirp::channel::{Channel, memory};
use chirp::jsonrpc::JsonRpc;
use chirp::{Peer, PeerBuilder};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// The other side of a connection, which writes and reads lines by itself.
pub(crate) struct Program {
    reader: BufReader<chirp::channel::Reader>,
    writer: chirp::channel::Writer,
}

impl Program {
    /// A peer, and a program that is connected to it.
    pub(crate) fn connected(peer: &PeerBuilder, settings: &JsonRpc) -> (Peer, Self) {
        let (near, far) = memory();
        let peer = peer.start(settings.channel(near)).unwrap();
        (peer, Self::new(far))
    }

    pub(crate) fn new(channel: Channel) -> Self {
        let (reader, writer) = channel.into_split();
        Self {
            reader: BufReader::new(reader),
            writer,
        }
    }

    /// Writes a line.
    pub(crate) async fn send(&mut self, line: impl AsRef<[u8]>) {
        self.write(line.as_ref()).await;
        self.write(b"\n").await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    /// Reads a line.
    pub(crate) async fn receive(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).await.unwrap();
        line.truncate(line.trim_end().len());
        line
    }

    pub(crate) async fn receive_json(&mut self) -> Value {
        serde_json::from_str(&self.receive().await).unwrap()
    }

    /// Writes a line and reads one.
    pub(crate) async fn exchange(&mut self, line: &str) -> String {
        self.send(line).await;
        self.receive().await
    }

    /// Ends the input of the peer, and returns the lines that still come.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        self.writer.shutdown().await.unwrap();
        let mut lines = Vec::new();
        let mut rest = self.reader.lines();
        while let Ok(Some(line)) = rest.next_line().await {
            lines.push(line);
        }
        lines
    }
}
