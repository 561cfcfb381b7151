//! jsonrpsee: JSON-RPC over a WebSocket.

use std::sync::Arc;

use bytes::Bytes;
use jsonrpsee::client_transport::ws::{Url, WsTransportClientBuilder};
use jsonrpsee::core::client::{Client as RpcClient, ClientBuilder};
use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::server::{self, Server};

use crate::handler::{Wait, Work};
use crate::link::Stream;
use crate::system::{Client, Connects, Result, Skills, System};

/// JSON has no binary type: a blob is an array of numbers.
#[rpc(client, server)]
pub trait Bench {
    #[method(name = "add")]
    async fn add(&self, a: u64, b: u64) -> RpcResult<u64>;
    #[method(name = "echo")]
    async fn echo(&self, text: String) -> RpcResult<String>;
    #[method(name = "wait")]
    async fn wait(&self, wait: u8, text: String) -> RpcResult<String>;
    #[method(name = "blob")]
    async fn blob(&self, data: Vec<u8>) -> RpcResult<Vec<u8>>;
}

#[async_trait]
impl BenchServer for Work {
    async fn add(&self, a: u64, b: u64) -> RpcResult<u64> {
        Ok(a.wrapping_add(b))
    }

    async fn echo(&self, text: String) -> RpcResult<String> {
        Ok(text)
    }

    async fn wait(&self, wait: u8, text: String) -> RpcResult<String> {
        Work::wait(self, Wait::from(wait)).await;
        Ok(text)
    }

    async fn blob(&self, data: Vec<u8>) -> RpcResult<Vec<u8>> {
        Ok(data)
    }
}

/// jsonrpsee.
pub struct Jsonrpsee;

impl System for Jsonrpsee {
    const NAME: &'static str = "jsonrpsee";
    const SKILLS: Skills = Skills {
        web: true,
        ..Skills::CALLS
    };

    type Client = JsonClient;

    fn client(stream: Stream) -> impl Connects<JsonClient> {
        async {
            let (sender, receiver) = WsTransportClientBuilder::default()
                .build_with_stream(Url::parse("ws://bench")?, stream)
                .await?;
            let client = ClientBuilder::default().build_with_tokio(sender, receiver);
            Ok(JsonClient(Arc::new(client)))
        }
    }

    fn serve(stream: Stream) -> impl Connects<Option<JsonClient>> {
        async {
            let (stop, handle) = server::stop_channel();
            let service = Server::builder()
                .to_service_builder()
                .build(Work::start().into_rpc(), stop);
            tokio::spawn(async move {
                // The future ends after the upgrade to a WebSocket, which is served as long as a handle exists.
                let ended = server::serve(stream, service).await;
                std::future::pending::<()>().await;
                drop((ended, handle));
            });
            Ok(None)
        }
    }
}

/// A client that can be cloned.
#[derive(Clone)]
pub struct JsonClient(Arc<RpcClient>);

impl Client for JsonClient {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(BenchClient::add(&*self.0, a, b).await?)
    }

    async fn echo(&self, text: &str) -> Result<String> {
        Ok(BenchClient::echo(&*self.0, text.to_owned()).await?)
    }

    async fn wait(&self, wait: Wait, text: &str) -> Result<String> {
        Ok(BenchClient::wait(&*self.0, wait as u8, text.to_owned()).await?)
    }

    async fn blob(&self, data: Vec<u8>) -> Result<Vec<u8>> {
        Ok(BenchClient::blob(&*self.0, data).await?)
    }

    async fn bytes(&self, data: Bytes) -> Result<Bytes> {
        Ok(self.blob(data.into()).await?.into())
    }
}
