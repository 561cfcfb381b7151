//! Nodes written by hand from PROTOCOL.md, section 12.

use chirp::channel::{Channel, Endpoint, Listener, Reader, Writer};
use chirp::packet::PacketType;
use tokio::io::AsyncWriteExt;

use crate::support::{read_packet, request, response};

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).expect("a short text")];
    bytes.extend(text.as_bytes());
    bytes
}

/// The parameters of a join from `name` to `to`.
pub(crate) fn join(name: &str, to: &str, incarnation: u8, sequence: u8) -> Vec<u8> {
    let texts = [name, "test", to].map(text).concat();
    [vec![1], texts, vec![incarnation, sequence, 0, 0]].concat()
}

/// The answer of a node that was joined.
pub(crate) fn joined(name: &str, incarnation: u8) -> Vec<u8> {
    let texts = [name, "test"].map(text).concat();
    [vec![0, 1], texts, vec![incarnation, 0, 0]].concat()
}

/// One end of a channel, with packets written by hand.
pub(crate) struct Raw {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

impl Raw {
    fn new(channel: Channel) -> Self {
        let (reader, writer) = channel.into_split();
        Self { reader, writer }
    }

    pub(crate) async fn connect(address: &str) -> Self {
        let endpoint: Endpoint = address.parse().unwrap();
        Self::new(endpoint.connect().await.unwrap())
    }

    pub(crate) async fn accept(listener: &mut Box<dyn Listener>) -> Self {
        Self::new(listener.accept().await.unwrap())
    }

    pub(crate) async fn send(&mut self, packet: &[u8]) {
        self.writer.write_all(packet).await.unwrap();
        self.writer.flush().await.unwrap();
    }

    /// Reads the next request: its id, method and parameters. Hello is answered as by a peer of plain v0.
    pub(crate) async fn next_request(&mut self) -> Option<(u32, String, Vec<u8>)> {
        loop {
            let (kind, payload) = read_packet(&mut self.reader).await?;
            if kind != PacketType::REQUEST {
                continue;
            }
            let (id, rest) = payload.split_first_chunk().expect("an id");
            let id = u32::from_be_bytes(*id);
            let (method, params) = rest[1..].split_at(rest[0].into());
            let method = String::from_utf8(method.to_vec()).unwrap();
            if method != "chirp.hello" {
                return Some((id, method, params.to_vec()));
            }
            self.send(&response(id, 1, &[])).await;
        }
    }

    /// Reads the next response: its id, code and data.
    pub(crate) async fn next_response(&mut self) -> Option<(u32, u8, Vec<u8>)> {
        loop {
            let (kind, payload) = read_packet(&mut self.reader).await?;
            if kind == PacketType::RESPONSE {
                let (id, rest) = payload.split_first_chunk().expect("an id");
                return Some((u32::from_be_bytes(*id), rest[0], rest[1..].to_vec()));
            }
        }
    }

    /// Joins a node, which answers `code` and data.
    pub(crate) async fn join(&mut self, params: &[u8]) -> (u8, Vec<u8>) {
        self.send(&request(1, "chirp.node.join", params)).await;
        let (_, code, data) = self.next_response().await.expect("an answer");
        (code, data)
    }

    /// Reads everything, and answers nothing, until the other side closes.
    pub(crate) async fn ignore(mut self) {
        while read_packet(&mut self.reader).await.is_some() {}
    }
}
