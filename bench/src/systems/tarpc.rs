//! tarpc, with bincode over length-delimited frames, as its examples do.

use bytes::Bytes;
use futures::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::context::{self, Context};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tarpc::{ClientMessage, Response, Transport};
use tokio_serde::formats::Bincode;

use crate::handler::{Wait, Work};
use crate::link::Stream;
use crate::system::{Client, Connection, Connects, Result, Skills, System};

#[tarpc::service]
pub trait Bench {
    async fn add(a: u64, b: u64) -> u64;
    async fn echo(text: String) -> String;
    async fn wait(wait: u8, text: String) -> String;
    async fn blob(data: Vec<u8>) -> Vec<u8>;
    async fn bytes(data: ByteBuf) -> ByteBuf;
}

impl Bench for Work {
    async fn add(self, _: Context, a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }

    async fn echo(self, _: Context, text: String) -> String {
        text
    }

    async fn wait(self, _: Context, wait: u8, text: String) -> String {
        Work::wait(&self, Wait::from(wait)).await;
        text
    }

    async fn blob(self, _: Context, data: Vec<u8>) -> Vec<u8> {
        data
    }

    async fn bytes(self, _: Context, data: ByteBuf) -> ByteBuf {
        data
    }
}

/// tarpc. Its in-process transport does not encode.
pub struct Tarpc;

impl System for Tarpc {
    const NAME: &'static str = "tarpc";
    const SKILLS: Skills = Skills::CALLS;

    type Client = BenchClient;

    fn client(stream: Stream) -> impl Connects<BenchClient> {
        let frames = Framed::new(stream, LengthDelimitedCodec::new());
        let transport = tarpc::serde_transport::new(frames, Bincode::default());
        async { Ok(call(transport)) }
    }

    fn serve(stream: Stream) -> impl Connects<Option<BenchClient>> {
        let frames = Framed::new(stream, LengthDelimitedCodec::new());
        let transport = tarpc::serde_transport::new(frames, Bincode::default());
        async {
            respond(transport);
            Ok(None)
        }
    }

    fn in_process() -> impl Connects<Connection<BenchClient>> {
        let (client, server) = tarpc::transport::channel::unbounded();
        async {
            respond(server);
            Ok(Connection {
                client: call(client),
                back: None,
            })
        }
    }
}

/// Starts a client.
fn call<T>(transport: T) -> BenchClient
where
    T: Transport<ClientMessage<BenchRequest>, Response<BenchResponse>> + Send + 'static,
{
    BenchClient::new(tarpc::client::Config::default(), transport).spawn()
}

/// Starts a server.
fn respond<T>(transport: T)
where
    T: Transport<Response<BenchResponse>, ClientMessage<BenchRequest>> + Send + 'static,
{
    let requests = BaseChannel::with_defaults(transport).execute(Work::start().serve());
    tokio::spawn(requests.for_each(|response| async {
        tokio::spawn(response);
    }));
}

impl Client for BenchClient {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(self.add(context::current(), a, b).await?)
    }

    async fn echo(&self, text: &str) -> Result<String> {
        Ok(self.echo(context::current(), text.to_owned()).await?)
    }

    async fn wait(&self, wait: Wait, text: &str) -> Result<String> {
        let text = text.to_owned();
        Ok(self.wait(context::current(), wait as u8, text).await?)
    }

    async fn blob(&self, data: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.blob(context::current(), data).await?)
    }

    async fn bytes(&self, data: Bytes) -> Result<Bytes> {
        let data = ByteBuf::from(Vec::from(data));
        let data = self.bytes(context::current(), data).await?;
        Ok(data.into_vec().into())
    }
}
