//! Chirp, over a connection and without one.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chirp::{Channel, PeerBuilder};
use futures::Stream;

use crate::handler::{self, Source, Wait, Work};
use crate::link;
use crate::system::{Client, Connection, Connects, Result, Skills, System};

#[chirp::service]
pub trait Bench {
    async fn add(&self, a: u64, b: u64) -> u64;
    async fn echo(&self, text: &str) -> String;
    async fn wait(&self, wait: u8, text: &str) -> String;
    async fn blob(&self, data: Vec<u8>) -> Vec<u8>;
    async fn bytes(&self, data: &[u8]) -> Vec<u8>;
    async fn ready(&self, many: u64) -> impl Stream<Item = u64>;
    async fn channel(&self, many: u64) -> impl Stream<Item = u64>;
    async fn pieces(&self, many: u64) -> impl Stream<Item = Bytes>;
}

impl Bench for Work {
    async fn add(&self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }

    async fn echo(&self, text: &str) -> String {
        text.to_owned()
    }

    async fn wait(&self, wait: u8, text: &str) -> String {
        Work::wait(self, Wait::from(wait)).await;
        text.to_owned()
    }

    async fn blob(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }

    async fn bytes(&self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }

    async fn ready(&self, many: u64) -> impl Stream<Item = u64> {
        handler::ready(many)
    }

    async fn channel(&self, many: u64) -> impl Stream<Item = u64> {
        handler::from_channel(many)
    }

    async fn pieces(&self, many: u64) -> impl Stream<Item = Bytes> {
        handler::pieces(many)
    }
}

/// Chirp over a stream.
pub struct Chirp;

impl System for Chirp {
    const NAME: &'static str = "chirp";
    const SKILLS: Skills = Skills {
        web: true,
        ..Skills::ALL
    };

    type Client = BenchClient;

    fn connect(client: link::Stream, server: link::Stream) -> impl Connects<BenchClient> {
        async { connected(&PeerBuilder::new(), channel(client), channel(server)) }
    }
}

/// Gives sockets to Chirp as programs do: it starts handlers differently on channels that it does not know.
pub(super) fn channel(stream: link::Stream) -> Channel {
    match stream {
        link::Stream::Unix(stream) => {
            let (reader, writer) = stream.into_split();
            Channel::new(reader, writer)
        }
        link::Stream::Tcp(stream) => {
            let (reader, writer) = stream.into_split();
            Channel::new(reader, writer)
        }
        other => {
            let (reader, writer) = other.halves();
            Channel::new(reader, writer)
        }
    }
}

/// Starts a peer at each end.
pub(super) fn connected(
    builder: &PeerBuilder,
    client: Channel,
    server: Channel,
) -> Result<Connection<BenchClient>> {
    let start = |channel| {
        let service = BenchServer::new(Work::start());
        builder.clone().service(service).start(channel)
    };
    let (client, server) = (start(client)?, start(server)?);
    Ok(Connection {
        client: BenchClient::new(&client),
        back: Some(BenchClient::new(&server)),
    })
}

/// Chirp without a connection: calls are encoded, and handled in the task of the caller.
pub struct Local;

impl System for Local {
    const NAME: &'static str = "chirp-local";
    const SKILLS: Skills = Skills {
        connects: false,
        ..Skills::ALL
    };

    type Client = BenchClient;

    fn connect(_client: link::Stream, _server: link::Stream) -> impl Connects<BenchClient> {
        async { Ok(Connection::one_way(BenchClient::local(Work::start()))) }
    }
}

impl Client for BenchClient {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(self.add(a, b).await?)
    }

    async fn echo(&self, text: &str) -> Result<String> {
        Ok(self.echo(text).await?)
    }

    async fn wait(&self, wait: Wait, text: &str) -> Result<String> {
        Ok(self.wait(wait as u8, text).await?)
    }

    async fn blob(&self, data: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.blob(data).await?)
    }

    async fn bytes(&self, data: Bytes) -> Result<Bytes> {
        Ok(self.bytes(&data).await?.into())
    }

    async fn items(&self, source: Source, many: u64) -> Result<u64> {
        let mut items = match source {
            Source::Ready => self.ready(many).await?,
            Source::Channel => self.channel(many).await?,
        };
        let mut sum = 0;
        while let Some(item) = items.recv().await {
            sum += item?;
        }
        Ok(sum)
    }

    async fn pieces(&self, many: u64, came: &AtomicU64) -> Result<()> {
        let mut pieces = self.pieces(many).await?;
        while let Some(piece) = pieces.recv().await {
            came.fetch_add(piece?.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}
