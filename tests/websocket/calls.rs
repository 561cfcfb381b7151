//! Typed calls over addresses `ws://`.

use chirp::websocket::WebSocket;
use chirp::{PeerBuilder, Server};

#[chirp::service]
trait Arith {
    async fn add(&self, a: i64, b: i64) -> i64;
}

struct Calculator;

impl Arith for Calculator {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

#[tokio::test]
async fn a_server_is_called_by_its_address() {
    let server = Server::builder()
        .scheme("ws", WebSocket::new())
        .service(ArithServer::new(Calculator))
        .bind("ws://127.0.0.1:0/chirp")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    assert!(
        address.starts_with("ws://127.0.0.1:") && address.ends_with("/chirp"),
        "{address}"
    );
    let running = tokio::spawn(server.run());
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let peer = builder.connect(&*address).await.unwrap();
    assert_eq!(ArithClient::new(&peer).add(100, 250).await.unwrap(), 350);
    assert_eq!(peer.remote().unwrap().to_string(), address);
    running.abort();
}
