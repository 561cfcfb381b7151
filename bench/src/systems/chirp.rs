//! Chirp, over a connection and without one.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chirp::{Channel, PeerBuilder, Server};
use futures::Stream;

use crate::handler::{self, Source, Wait, Work};
use crate::link;
use crate::system::{Client, Connects, Result, Skills, System};

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

    fn client(stream: link::Stream) -> impl Connects<BenchClient> {
        async { peer(PeerBuilder::new(), channel(stream)) }
    }

    fn serve(stream: link::Stream) -> impl Connects<Option<BenchClient>> {
        async { peer(PeerBuilder::new(), channel(stream)).map(Some) }
    }

    fn listen(path: &Path) -> impl Connects<()> {
        async move {
            let server = Server::builder().service(BenchServer::new(Work::start()));
            let server = server.bind(format!("unix://{}", path.display())).await?;
            tokio::spawn(server.run());
            Ok(())
        }
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

/// Starts a peer at one end, which serves and calls.
pub(super) fn peer(builder: PeerBuilder, channel: Channel) -> Result<BenchClient> {
    let service = BenchServer::new(Work::start());
    let peer = builder.service(service).start(channel)?;
    Ok(BenchClient::new(&peer))
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

    fn client(_stream: link::Stream) -> impl Connects<BenchClient> {
        async { Ok(BenchClient::local(Work::start())) }
    }

    fn serve(_stream: link::Stream) -> impl Connects<Option<BenchClient>> {
        async { Ok(None) }
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
