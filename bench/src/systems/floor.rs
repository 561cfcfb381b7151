//! The lower bound for one caller: numbers written and read by hand, one call after another, and bytes copied from
//! one end to the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::handler::{PIECE, Wait};
use crate::link::Stream;
use crate::system::{Client, Connection, Connects, Result, Skills, System};

/// A sequential server by hand, which only adds numbers.
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

    fn connect(client: Stream, mut server: Stream) -> impl Connects<FloorClient> {
        tokio::spawn(async move {
            let mut numbers = [0; 16];
            while server.read_exact(&mut numbers).await.is_ok() {
                let both = u128::from_le_bytes(numbers);
                let (a, b) = (both as u64, (both >> 64) as u64);
                if b == PIECES {
                    if write_pieces(&mut server, a).await.is_err() {
                        break;
                    }
                    continue;
                }
                if server.write_u64_le(a.wrapping_add(b)).await.is_err() {
                    break;
                }
            }
        });
        let stream = Arc::new(Mutex::new(client));
        async { Ok(Connection::one_way(FloorClient { stream })) }
    }
}

/// A request for bytes instead of a sum.
const PIECES: u64 = u64::MAX;

async fn write_pieces(server: &mut Stream, many: u64) -> io::Result<()> {
    let piece = vec![7; PIECE];
    for _ in 0..many {
        server.write_all(&piece).await?;
    }
    Ok(())
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

    async fn echo(&self, _text: &str) -> Result<String> {
        Err("the sequential floor only adds".into())
    }

    async fn wait(&self, _wait: Wait, _text: &str) -> Result<String> {
        Err("the sequential floor only adds".into())
    }

    async fn blob(&self, _data: Vec<u8>) -> Result<Vec<u8>> {
        Err("the sequential floor only adds".into())
    }

    async fn bytes(&self, _data: Bytes) -> Result<Bytes> {
        Err("the sequential floor only adds".into())
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
