use std::io;
use std::sync::Arc;

use chirp::http::{BindError, Gateway};
use chirp::requests::{Destinations, rewrite_localhost};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::{ask, services, settings, until};
use crate::client::{connect, get, post};
use crate::hook_server::HookServer;
use crate::support::{in_time, socket_path};

/// Serves a gateway at an address, and returns the URL of its callers.
async fn serve_at(gateway: Gateway, address: &str) -> String {
    let server = gateway.bind(address).await.unwrap();
    let endpoint = server.endpoint().to_string();
    tokio::spawn(server.run());
    match endpoint.strip_prefix("unix://") {
        Some(path) => format!("http+unix://{}", path.replace('/', "%2F")),
        None => endpoint.replace("tcp://", "http://"),
    }
}

/// AC-T10, AC-T11: a request that a gateway on a Unix socket or on TCP accepts is answered at its own hook, under its own ID.
#[tokio::test]
async fn t10_t11_a_gateway_delivers_to_the_hook_of_the_caller_itself() {
    let mut hooks = HookServer::start().await;
    for address in [
        format!("unix://{}", socket_path().display()),
        "http://127.0.0.1:0".to_owned(),
    ] {
        let gateway = services().requests(settings(hooks.destinations()));
        let gateway = serve_at(gateway, &address).await;
        let id = ask(&gateway, &hooks.url(), "Arith.sum_diff", "[1,2]").await;
        let posted = in_time(hooks.next()).await.json();
        assert_eq!(posted["id"], *id);
        assert_eq!(posted["result"], json!({"sum": 3, "diff": -1}));
        in_time(until(&gateway, &id, "delivered")).await;
        assert!(hooks.is_quiet());
    }
}

/// AC-T12: `localhost.rs` beside this folder has the whole table of 36 rows.
#[test]
fn t12_the_host_of_this_machine_is_rewritten_for_the_caller() {
    let rewritten = rewrite_localhost("http://127.42.42.42:80/x", "foo.example:9");
    assert_eq!(rewritten, "http://foo.example:80/x");
    let other = rewrite_localhost("http://108.1.1.1:80/x", "foo.example");
    assert_eq!(other, "http://108.1.1.1:80/x");
}

/// AC-T16: an address has one listener, connections are served, and none is accepted after the end.
#[tokio::test]
async fn t16_an_address_is_listened_on_once_and_until_the_end() {
    let socket = format!("unix://{}", socket_path().display());
    for address in [&*socket, "http://127.0.0.1:0"] {
        let server = services().bind(address).await.unwrap();
        let endpoint = server.endpoint().to_string();
        let again = endpoint.replace("tcp://", "http://");
        let second = services().bind(&again).await;
        let Err(BindError::Listen(_, error)) = second else {
            panic!("the address is in use: {second:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let end = Arc::new(Notify::new());
        let ended = Arc::clone(&end);
        let serving = tokio::spawn(server.run_until(async move { ended.notified().await }));
        let url = match again.strip_prefix("unix://") {
            Some(path) => format!("http+unix://{}", path.replace('/', "%2F")),
            None => again.clone(),
        };
        let called = post(&format!("{url}/call/Arith.sum_diff"), &[], "[1,2]").await;
        assert_eq!(called.json(), json!({"sum": 3, "diff": -1}));
        end.notify_one();
        in_time(serving).await.unwrap();
        match again.strip_prefix("http://") {
            Some(host) => assert!(TcpStream::connect(host).await.is_err()),
            None => assert!(chirp::connect(&again).await.is_err()),
        }
    }
}

/// AC-T17: known methods run with the same arguments over HTTP and Unix sockets, and unknown ones fail on both.
#[tokio::test]
async fn t17_methods_are_called_over_http_and_unix_sockets() {
    let socket = format!("unix://{}", socket_path().display());
    for address in [&*socket, "http://127.0.0.1:0"] {
        let gateway = serve_at(services(), address).await;
        let known = post(&format!("{gateway}/call/Arith.sum_diff"), &[], "[100,250]").await;
        assert_eq!(known.json(), json!({"sum": 350, "diff": -150}));
        let unknown = post(&format!("{gateway}/call/Arith.sum"), &[], "[100,250]").await;
        assert_eq!(unknown.status, 404);
    }
}

/// AC-T18: methods are listed, a request is answered from end to end, and the server stops when it is told to.
#[tokio::test]
async fn t18_methods_are_listed_called_and_stopped() {
    let mut hooks = HookServer::start().await;
    let gateway = services().requests(settings(hooks.destinations()));
    let server = gateway.bind("http://127.0.0.1:0").await.unwrap();
    let url = server.endpoint().to_string().replace("tcp://", "http://");
    let end = Arc::new(Notify::new());
    let ended = Arc::clone(&end);
    let serving = tokio::spawn(server.run_until(async move { ended.notified().await }));
    let listed = get(&format!("{url}/openapi.json")).await.json();
    assert!(listed["paths"]["/call/Arith.sum_diff"].is_object());
    let id = ask(&url, &hooks.url(), "Arith.sum_diff", "[1,2]").await;
    assert_eq!(in_time(hooks.next()).await.json()["id"], *id);
    end.notify_one();
    in_time(serving).await.unwrap();
}

/// AC-T32, AC-T36: a server that is told to stop twice, with connections that have sent nothing, returns.
#[tokio::test]
async fn t32_t36_a_server_stops_with_connections_that_wait() {
    let gateway = services().requests(settings(Destinations::new()));
    let server = gateway.max_connections(2).bind("http://127.0.0.1:0").await;
    let server = server.unwrap();
    let host = server.endpoint().to_string().replace("tcp://", "");
    let end = Arc::new(Notify::new());
    let ended = Arc::clone(&end);
    let serving = tokio::spawn(server.run_until(async move { ended.notified().await }));
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(TcpStream::connect(&host).await.unwrap());
    }
    end.notify_one();
    end.notify_one();
    in_time(serving).await.unwrap();
}

/// AC-T37: a request arrives in pieces of one byte, as HTTP allows.
#[tokio::test]
async fn t37_a_request_may_arrive_in_any_pieces() {
    let gateway = serve_at(services(), "http://127.0.0.1:0").await;
    let (mut socket, host, _) = connect(&gateway).await;
    let request = format!(
        "POST /call/Arith.sum_diff HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,2]"
    );
    for byte in request.bytes() {
        socket.write_all(&[byte]).await.unwrap();
        socket.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut response = String::new();
    in_time(socket.read_to_string(&mut response)).await.unwrap();
    assert!(response.ends_with("{\"sum\":3,\"diff\":-1}"), "{response}");
}
