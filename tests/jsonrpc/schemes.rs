//! Addresses of JSON-RPC peers.

use std::time::Duration;

use chirp::jsonrpc::{Framing, JsonRpc};
use chirp::{ConnectError, Endpoint, Peer, PeerBuilder, Server, ServerBuilder};
use tokio::time::timeout;

use crate::calls::{Served, TextClient, TextServer};
use crate::program::Program;
use crate::support::socket_path;

fn server() -> ServerBuilder {
    Server::builder()
        .service(TextServer::new(Served))
        .reflect()
        .schemes(JsonRpc::new().schemes())
}

fn client() -> PeerBuilder {
    PeerBuilder::new().schemes(JsonRpc::new().schemes())
}

async fn in_time<F: IntoFuture>(future: F) -> F::Output {
    timeout(Duration::from_mins(1), future).await.unwrap()
}

async fn adds(peer: &Peer) {
    let client = TextClient::new(peer).with_json();
    assert_eq!(in_time(client.add(1, 2)).await, Ok(3));
}

#[tokio::test]
async fn both_sides_may_have_addresses() {
    let path = socket_path();
    let unix = format!("jsonrpc+unix://{}?dialect=lsp&mode=600", path.display());
    let inproc = format!("acp+inproc://jsonrpc {}", path.display());
    let addresses = [
        "jsonrpc+tcp://127.0.0.1:0",
        "lsp+tcp://127.0.0.1:0",
        "mcp+tcp://127.0.0.1:0?framing=content-length",
        &unix,
        &inproc,
    ];
    for address in addresses {
        let server = server().bind(address).await.unwrap();
        let endpoint = server.endpoint().to_string();
        let running = tokio::spawn(server.run());
        let peer = in_time(client().connect(&endpoint)).await.unwrap();
        adds(&peer).await;
        if address.contains("tcp") {
            assert_ne!(endpoint, address);
            // The identity and the address are those of the transport.
            assert!(matches!(peer.remote(), Some(Endpoint::Tcp { .. })));
        }
        running.abort();
    }
}

#[cfg(feature = "websocket")]
#[tokio::test]
async fn messages_travel_over_a_web_socket() {
    let server = server().bind("jsonrpc+ws://127.0.0.1:0/rpc").await.unwrap();
    let endpoint = server.endpoint().to_string();
    assert!(
        endpoint.starts_with("jsonrpc+ws://127.0.0.1:"),
        "{endpoint}"
    );
    let running = tokio::spawn(server.run());
    let peer = in_time(client().connect(&endpoint)).await.unwrap();
    adds(&peer).await;
    running.abort();
}

#[tokio::test]
async fn an_address_sets_the_framing() {
    let address = "jsonrpc+tcp://127.0.0.1:0?framing=content-length";
    let server = server().bind(address).await.unwrap();
    let Endpoint::Other(address) = server.endpoint() else {
        panic!("{} is built in", server.endpoint());
    };
    let tcp = address.rest().split_once('?').unwrap().0;
    let tcp: Endpoint = format!("tcp://{tcp}").parse().unwrap();
    let running = tokio::spawn(server.run());
    let mut program = Program::new(tcp.connect().await.unwrap());
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"Text.add","params":[1,2]}"#;
    let head = format!("content-length: {}\r\n\r\n", request.len());
    in_time(program.write(format!("{head}{request}").as_bytes())).await;
    assert_eq!(in_time(program.receive()).await, "Content-Length: 35");
    running.abort();
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[tokio::test]
async fn a_program_is_started_by_its_address() {
    // The program answers each line with the same response.
    let response = r#"{"jsonrpc":"2.0","id":1,"result":3}"#;
    let program = format!("sh -c 'while read line; do echo \"$1\"; done' sh '{response}'");
    let address = format!("jsonrpc+exec:framing=lines dialect=acp {program}");
    let peer = in_time(client().connect(&address)).await.unwrap();
    adds(&peer).await;
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[tokio::test]
async fn a_program_that_exits_within_a_message_is_named() {
    let address = r#"jsonrpc+exec:sh -c 'read line; printf "{"; exit 7'"#;
    let peer = in_time(client().connect(address)).await.unwrap();
    let client = TextClient::new(&peer).with_json();
    let error = in_time(client.add(1, 2)).await.unwrap_err().to_string();
    assert!(error.contains("exit status: 7"), "{error}");
}

#[tokio::test]
async fn wrong_addresses_are_errors() {
    let cases = [
        (
            "jsonrpc+tcp://127.0.0.1:1?framing=xml",
            "unknown framing \"xml\"",
        ),
        ("jsonrpc+tls://127.0.0.1:1", "unknown scheme `jsonrpc+tls`"),
        ("jsonrpc://127.0.0.1:1", "unknown scheme `jsonrpc`"),
    ];
    for (address, expected) in cases {
        let error = client().connect(address).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        let error = server().bind(address).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let builder = PeerBuilder::new().scheme("json", JsonRpc::new().framing(Framing::Lines));
    let error = builder.connect("json://127.0.0.1:1").await.unwrap_err();
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
    let expected = "contains no `+` with the scheme of a transport after it";
    assert!(error.to_string().contains(expected), "{error}");
}
