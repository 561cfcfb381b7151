//! The lower bound for one caller: numbers or a text written and read by hand, one call after another, and bytes
//! copied from one end to the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::handler::{PIECE, Wait};
use crate::link::Stream;
use crate::system::{Client, Connects, Result, Skills, System};

/// A sequential server by hand.
pub struct Floor;

impl System for Floor {
    const NAME: &'static str = "floor";
    const SKILLS: Skills = Skills {
        concurrent: false,
        connects: true,
        waits: false,
        both_ways: false,
        items: false,
        pieces: true,
        web: false,
    };

    type Client = FloorClient;

    fn client(stream: Stream) -> impl Connects<FloorClient> {
        let stream = Arc::new(Mutex::new(stream));
        async { Ok(FloorClient { stream }) }
    }

    fn serve(mut stream: Stream) -> impl Connects<Option<FloorClient>> {
        tokio::spawn(async move {
            let mut numbers = [0; 16];
            while stream.read_exact(&mut numbers).await.is_ok() {
                let both = u128::from_le_bytes(numbers);
                let (a, b) = (both as u64, (both >> 64) as u64);
                let answered = match b {
                    PIECES => write_pieces(&mut stream, a).await,
                    ECHO => echo(&mut stream, a).await,
                    b => stream.write_u64_le(a.wrapping_add(b)).await,
                };
                if answered.is_err() {
                    break;
                }
            }
        });
        async { Ok(None) }
    }
}

/// A request for bytes instead of a sum.
const PIECES: u64 = u64::MAX;
/// A request for the bytes that follow.
const ECHO: u64 = u64::MAX - 1;

async fn write_pieces(server: &mut Stream, many: u64) -> io::Result<()> {
    let piece = vec![7; PIECE];
    for _ in 0..many {
        server.write_all(&piece).await?;
    }
    Ok(())
}

async fn echo(server: &mut Stream, len: u64) -> io::Result<()> {
    let mut text = vec![0; len as usize];
    server.read_exact(&mut text).await?;
    server.write_all(&text).await
}

/// A single caller. The lock is required by the trait and never contended.
#[derive(Clone)]
pub struct FloorClient {
    stream: Arc<Mutex<Stream>>,
}

impl Client for FloorClient {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        let mut stream = self.stream.lock().await;
        let both = u128::from(b) << 64 | u128::from(a);
        stream.write_all(&both.to_le_bytes()).await?;
        Ok(stream.read_u64_le().await?)
    }

    async fn echo(&self, text: &str) -> Result<String> {
        let mut stream = self.stream.lock().await;
        let head = u128::from(ECHO) << 64 | text.len() as u128;
        let request = [&head.to_le_bytes(), text.as_bytes()].concat();
        stream.write_all(&request).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer)?)
    }

    async fn wait(&self, _wait: Wait, _text: &str) -> Result<String> {
        Err("the sequential floor only adds and echoes".into())
    }

    async fn blob(&self, _data: Vec<u8>) -> Result<Vec<u8>> {
        Err("the sequential floor only adds and echoes".into())
    }

    async fn bytes(&self, _data: Bytes) -> Result<Bytes> {
        Err("the sequential floor only adds and echoes".into())
    }

    async fn pieces(&self, many: u64, came: &AtomicU64) -> Result<()> {
        let mut stream = self.stream.lock().await;
        let both = u128::from(PIECES) << 64 | u128::from(many);
        stream.write_all(&both.to_le_bytes()).await?;
        let mut piece = vec![0; PIECE];
        for _ in 0..many {
            stream.read_exact(&mut piece).await?;
            came.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}
