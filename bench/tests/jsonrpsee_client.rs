//! The client of jsonrpsee calls a server of Chirp over a WebSocket.
#![allow(clippy::unwrap_used, reason = "a test may")]

use chirp::jsonrpc::JsonRpc;
use chirp::{CallContext, Server, ServiceError};
use jsonrpsee::client_transport::ws::{Url, WsTransportClientBuilder};
use jsonrpsee::core::ClientError;
use jsonrpsee::core::client::{Client, ClientBuilder, ClientT};
use jsonrpsee::core::params::{ArrayParams, BatchRequestBuilder, ObjectParams};
use jsonrpsee::rpc_params;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

#[derive(Debug, ServiceError)]
#[chirp(jsonrpc = -32001)]
struct NoLine {
    line: u64,
}

impl std::fmt::Display for NoLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no line {}", self.line)
    }
}

#[chirp::service(name = "")]
trait Text {
    async fn add(&self, a: u64, b: u64) -> u64;
    async fn line(&self, line: u64) -> Result<String, NoLine>;
    #[chirp(oneway)]
    async fn note(&self, text: String, cx: &CallContext);
    async fn echo(&self, text: String) -> String;
}

struct Lines;

impl Text for Lines {
    async fn add(&self, a: u64, b: u64) -> u64 {
        a + b
    }

    async fn line(&self, line: u64) -> Result<String, NoLine> {
        Err(NoLine { line })
    }

    async fn note(&self, text: String, cx: &CallContext) {
        let notes = cx.extension::<mpsc::UnboundedSender<String>>().unwrap();
        notes.send(text).unwrap();
    }

    async fn echo(&self, text: String) -> String {
        text
    }
}

async fn client(address: &str) -> Client {
    let url = address.strip_prefix("jsonrpc+").unwrap();
    let socket = url.strip_prefix("ws://").unwrap().trim_end_matches('/');
    let socket = TcpStream::connect(socket).await.unwrap();
    let transport = WsTransportClientBuilder::default();
    let url = Url::parse(url).unwrap();
    let (sender, receiver) = transport.build_with_stream(url, socket).await.unwrap();
    ClientBuilder::default().build_with_tokio(sender, receiver)
}

#[tokio::test]
async fn calls_batches_and_notifications() {
    let (notes, mut messages) = mpsc::unbounded_channel::<String>();
    let server = Server::builder()
        .schemes(JsonRpc::new().schemes())
        .service(TextServer::new(Lines))
        .configure_peers(|peers| peers.extension(notes))
        .reflect()
        .bind("jsonrpc+ws://127.0.0.1:0/")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    let client = client(&address).await;

    let sum: u64 = client.request("add", rpc_params![1, 2]).await.unwrap();
    assert_eq!(sum, 3);
    let mut named = ObjectParams::new();
    named.insert("b", 5).unwrap();
    named.insert("a", 6).unwrap();
    let sum: u64 = client.request("add", named).await.unwrap();
    assert_eq!(sum, 11);

    let large = "ä\n\"".repeat(1_000_000);
    let echoed: String = client.request("echo", rpc_params![&large]).await.unwrap();
    assert!(echoed == large);

    let error = client.request::<String, _>("line", rpc_params![7]).await;
    let Err(ClientError::Call(error)) = error else {
        panic!("{error:?}");
    };
    assert_eq!((error.code(), error.message()), (-32001, "no line 7"));
    assert_eq!(error.data().unwrap().get(), r#"{"line":7}"#);
    let error = client
        .request::<u64, _>("nothing", ArrayParams::new())
        .await;
    let Err(ClientError::Call(error)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.code(), -32601);
    let error = client.request::<u64, _>("add", rpc_params!["one"]).await;
    let Err(ClientError::Call(error)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.code(), -32602);

    client
        .notification("note", rpc_params!["noted"])
        .await
        .unwrap();
    assert_eq!(messages.recv().await.as_deref(), Some("noted"));

    let mut batch = BatchRequestBuilder::new();
    for number in 0..500_u64 {
        batch.insert("add", rpc_params![number, number]).unwrap();
    }
    let sums = client.batch_request::<u64>(batch).await.unwrap();
    let sums: Vec<_> = sums.into_ok().unwrap().collect();
    assert_eq!(sums, (0..500).map(|number| 2 * number).collect::<Vec<_>>());

    let calls = (0..1000_u64).map(|number| client.request("add", rpc_params![number, 1]));
    let sums: Vec<Result<u64, _>> = futures::future::join_all(calls).await;
    for (number, sum) in (0..).zip(sums) {
        assert_eq!(sum.unwrap(), number + 1);
    }
}
