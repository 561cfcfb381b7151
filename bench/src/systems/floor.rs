//! The least that any program could do for one caller: numbers written and read by hand, one after another.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::handler::Wait;
use crate::link::Stream;
use crate::system::{Client, Connection, Connects, Result, Skills, System};

/// A sequential echo by hand. It adds numbers, and does nothing else.
pub struct Floor;

impl System for Floor {
    const NAME: &'static str = "floor";
    const SKILLS: Skills = Skills {
        concurrent: false,
        connects: true,
        waits: false,
        both_ways: false,
    };

    type Client = FloorClient;

    fn connect(client: Stream, mut server: Stream) -> impl Connects<FloorClient> {
        tokio::spawn(async move {
            let mut numbers = [0; 16];
            while server.read_exact(&mut numbers).await.is_ok() {
                let both = u128::from_le_bytes(numbers);
                let (a, b) = (both as u64, (both >> 64) as u64);
                if server.write_u64_le(a.wrapping_add(b)).await.is_err() {
                    break;
                }
            }
        });
        let stream = Arc::new(Mutex::new(client));
        async { Ok(Connection::one_way(FloorClient { stream })) }
    }
}

/// One caller. The lock is for the form only: it is always free.
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
}
