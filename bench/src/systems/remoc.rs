//! remoc, with the remote traits of its `rtc` module.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{Stream as Items, StreamExt};
use remoc::rch::{base, mpsc};
use remoc::rtc::{self, CallError, ServerShared as _};
use remoc::{RemoteSend, codec};

use crate::handler::{self, Source, Wait, Work};
use crate::link::Stream;
use crate::system::{Client, Connects, Result, System};

#[rtc::remote]
pub trait Bench {
    async fn add(&self, a: u64, b: u64) -> std::result::Result<u64, CallError>;
    async fn echo(&self, text: String) -> std::result::Result<String, CallError>;
    async fn wait(&self, wait: u8, text: String) -> std::result::Result<String, CallError>;
    async fn blob(&self, data: Vec<u8>) -> std::result::Result<Vec<u8>, CallError>;
    async fn bytes(&self, data: Bytes) -> std::result::Result<Bytes, CallError>;
    async fn ready(&self, many: u64) -> std::result::Result<mpsc::Receiver<u64>, CallError>;
    async fn from_channel(&self, many: u64) -> std::result::Result<mpsc::Receiver<u64>, CallError>;
    async fn pieces(&self, many: u64) -> std::result::Result<mpsc::Receiver<Bytes>, CallError>;
}

impl Bench for Work {
    async fn add(&self, a: u64, b: u64) -> std::result::Result<u64, CallError> {
        Ok(a.wrapping_add(b))
    }

    async fn echo(&self, text: String) -> std::result::Result<String, CallError> {
        Ok(text)
    }

    async fn wait(&self, wait: u8, text: String) -> std::result::Result<String, CallError> {
        Work::wait(self, Wait::from(wait)).await;
        Ok(text)
    }

    async fn blob(&self, data: Vec<u8>) -> std::result::Result<Vec<u8>, CallError> {
        Ok(data)
    }

    async fn bytes(&self, data: Bytes) -> std::result::Result<Bytes, CallError> {
        Ok(data)
    }

    async fn ready(&self, many: u64) -> std::result::Result<mpsc::Receiver<u64>, CallError> {
        Ok(send_all(handler::ready(many)))
    }

    async fn from_channel(&self, many: u64) -> std::result::Result<mpsc::Receiver<u64>, CallError> {
        Ok(send_all(handler::from_channel(many)))
    }

    async fn pieces(&self, many: u64) -> std::result::Result<mpsc::Receiver<Bytes>, CallError> {
        Ok(send_all(handler::pieces(many)))
    }
}

/// Sends items through a channel whose receiver is returned to the caller.
fn send_all<T: RemoteSend>(items: impl Items<Item = T> + Send + 'static) -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    tokio::spawn(async move {
        let mut items = std::pin::pin!(items);
        while let Some(item) = items.next().await {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// remoc.
pub struct Remoc;

impl System for Remoc {
    const NAME: &'static str = "remoc";

    type Client = BenchClient;

    fn client(stream: Stream) -> impl Connects<BenchClient> {
        end(stream)
    }

    fn serve(stream: Stream) -> impl Connects<Option<BenchClient>> {
        async { end(stream).await.map(Some) }
    }
}

/// Serves at this end, and returns the client of the other.
async fn end(stream: Stream) -> Result<BenchClient> {
    let (reader, writer) = stream.halves();
    let (connection, mut sender, mut receiver): (
        _,
        base::Sender<BenchClient>,
        base::Receiver<BenchClient>,
    ) = remoc::Connect::io(remoc::Cfg::default(), reader, writer).await?;
    tokio::spawn(connection);
    let (server, client) = BenchServerShared::<_, codec::Default>::new(Arc::new(Work::start()));
    tokio::spawn(server.serve());
    sender.send(client).await?;
    Ok(receiver
        .recv()
        .await?
        .ok_or("the other end sent no client")?)
}

impl Client for BenchClient {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(Bench::add(self, a, b).await?)
    }

    async fn echo(&self, text: &str) -> Result<String> {
        Ok(Bench::echo(self, text.to_owned()).await?)
    }

    async fn wait(&self, wait: Wait, text: &str) -> Result<String> {
        Ok(Bench::wait(self, wait as u8, text.to_owned()).await?)
    }

    async fn blob(&self, data: Vec<u8>) -> Result<Vec<u8>> {
        Ok(Bench::blob(self, data).await?)
    }

    async fn bytes(&self, data: Bytes) -> Result<Bytes> {
        Ok(Bench::bytes(self, data).await?)
    }

    async fn items(&self, source: Source, many: u64) -> Result<u64> {
        let mut items = match source {
            Source::Ready => Bench::ready(self, many).await?,
            Source::Channel => Bench::from_channel(self, many).await?,
        };
        let mut sum = 0;
        while let Some(item) = items.recv().await? {
            sum += item;
        }
        Ok(sum)
    }

    async fn pieces(&self, many: u64, came: &AtomicU64) -> Result<()> {
        let mut pieces = Bench::pieces(self, many).await?;
        while let Some(piece) = pieces.recv().await? {
            came.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}
