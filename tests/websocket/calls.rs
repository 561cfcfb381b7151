//! Typed calls over addresses `ws://`, in both directions.

use chirp::websocket::WebSocket;
use chirp::{CallContext, PeerBuilder, Receiver, Server};

use crate::support::in_time;

#[chirp::service]
pub(crate) trait Arith {
    async fn add(&self, a: i64, b: i64) -> i64;
    /// Asks the caller for both numbers.
    async fn add_yours(&self, cx: &CallContext) -> Result<i64, String>;
    async fn count(&self, to: u32) -> Receiver<u32>;
}

pub(crate) struct Calculator;

impl Arith for Calculator {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn add_yours(&self, cx: &CallContext) -> Result<i64, String> {
        let numbers = NumbersClient::new(cx.caller());
        let [a, b] = numbers.numbers().await.map_err(|error| error.to_string())?;
        Ok(a + b)
    }

    async fn count(&self, to: u32) -> Receiver<u32> {
        let (mut sender, receiver) = chirp::stream::channel();
        tokio::spawn(async move {
            for number in 0..to {
                if sender.send(number).await.is_err() {
                    return;
                }
            }
            sender.finish();
        });
        receiver
    }
}

#[chirp::service]
trait Numbers {
    async fn numbers(&self) -> [i64; 2];
}

struct Fixed;

impl Numbers for Fixed {
    async fn numbers(&self) -> [i64; 2] {
        [100, 250]
    }
}

#[tokio::test]
async fn a_server_is_called_by_its_address_and_calls_back() {
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
    let builder = PeerBuilder::new()
        .scheme("ws", WebSocket::new())
        .service(NumbersServer::new(Fixed));
    let peer = in_time(builder.connect(&*address)).await.unwrap();
    assert_eq!(peer.remote().unwrap().to_string(), address);
    let arith = ArithClient::new(&peer);
    assert_eq!(in_time(arith.add(100, 250)).await.unwrap(), 350);
    assert_eq!(in_time(arith.add_yours()).await.unwrap(), 350);
    let mut numbers = in_time(arith.count(100_000)).await.unwrap();
    for number in 0..100_000 {
        assert_eq!(in_time(numbers.recv()).await, Some(Ok(number)));
    }
    assert_eq!(in_time(numbers.recv()).await, None);
    running.abort();
}
