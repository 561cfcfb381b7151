//! Byte streams that arguments name by URLs, and streams that programs read from URLs.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use chirp::http::Gateway;
use chirp::requests::{Destinations, OutgoingClient, OutgoingError, StreamUrlEnd, StreamUrls};
use chirp::{Receiver, StreamError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::client::{Response, post, start};

#[chirp::service]
trait Store {
    async fn store(&self, name: &str, data: Receiver<Bytes>) -> Result<String, String>;
    /// Returns without having read the stream.
    async fn ignore(&self, data: Receiver<Bytes>) -> u32;
    async fn sum(&self, numbers: Receiver<u32>) -> u32;
    /// Takes one piece, and waits for ever.
    async fn stall(&self, data: Receiver<Bytes>);
}

struct Disk {
    began: Mutex<Option<mpsc::Sender<()>>>,
}

impl Disk {
    fn server() -> StoreServer<Self> {
        let began = Mutex::default();
        StoreServer::new(Self { began })
    }
}

impl Store for Disk {
    async fn store(&self, name: &str, mut data: Receiver<Bytes>) -> Result<String, String> {
        let mut length = 0;
        while let Some(piece) = data.recv().await {
            length += piece.map_err(|error| error.to_string())?.len();
        }
        Ok(format!("{name}: {length}"))
    }

    async fn ignore(&self, data: Receiver<Bytes>) -> u32 {
        drop(data);
        7
    }

    async fn sum(&self, mut numbers: Receiver<u32>) -> u32 {
        let mut sum = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            sum += number;
        }
        sum
    }

    async fn stall(&self, mut data: Receiver<Bytes>) {
        let first = data.recv().await;
        assert!(matches!(first, Some(Ok(_))));
        let began = self.began.lock().unwrap().take();
        drop(began);
        std::future::pending::<()>().await;
    }
}

async fn serve(gateway: Gateway) -> String {
    let server = gateway.bind("http://127.0.0.1:0").await.unwrap();
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    address.replace("tcp://", "http://")
}

/// Serves a gateway that fetches from an address.
async fn serve_with(source: SocketAddr) -> String {
    let sources = Destinations::new()
        .allow(&format!("http://{source}"))
        .unwrap();
    serve(Gateway::new().service(Disk::server()).fetch_from(sources)).await
}

/// Listens on an address. Whoever connects is sent a response, whose connection is then closed.
async fn source(response: impl Into<Vec<u8>>) -> SocketAddr {
    let response = response.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            read_head(&mut socket).await;
            let _ = socket.write_all(&response).await;
        }
    });
    address
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut response = head.into_bytes();
    response.extend_from_slice(body);
    response
}

async fn store(base: &str, arguments: &Value) -> Response {
    post(
        &format!("{base}/call/Store.store"),
        &[],
        &arguments.to_string(),
    )
    .await
}

#[tokio::test]
async fn a_byte_stream_is_fetched_from_a_url() {
    let bytes = vec![7; 3 << 20];
    let address = source(ok(&bytes)).await;
    let base = serve_with(address).await;
    let url = json!({"url": format!("http://{address}/file?x=1")});
    let named = store(&base, &json!({"name": "a", "data": url})).await;
    assert_eq!((named.status, named.json()), (200, json!("a: 3145728")));
    let positional = store(&base, &json!(["b", url])).await;
    assert_eq!(positional.json(), json!("b: 3145728"));
    // Bytes in the arguments themselves are base64, as ever.
    let inline = store(&base, &json!(["c", "AAAA"])).await;
    assert_eq!(inline.json(), json!("c: 3"));
}

#[tokio::test]
async fn a_url_that_is_not_allowed_is_refused_and_not_connected_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = json!({"url": format!("http://{}/", listener.local_addr().unwrap())});
    let arguments = json!(["a", url]);
    let without = serve(Gateway::new().service(Disk::server())).await;
    let elsewhere = serve_with("127.0.0.1:1".parse().unwrap()).await;
    for base in [&without, &elsewhere] {
        let refused = store(base, &arguments).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(
            refused.json()["detail"]
                .as_str()
                .unwrap()
                .contains("\"data\"")
        );
    }
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    for (argument, status) in [
        (json!({"url": "file:///etc/hosts"}), 400),
        (json!({"url": "unix:/run/docker.sock"}), 403),
        (json!({"url": "http://user:word@127.0.0.1:1/"}), 400),
        (json!({"url": 1}), 400),
        (json!({"url": "http://127.0.0.1:1/", "method": "POST"}), 400),
        (json!({}), 400),
    ] {
        let refused = store(&elsewhere, &json!(["a", argument])).await;
        assert_eq!(refused.status, status, "{argument}: {refused:?}");
    }
    // Items other than bytes have no URLs.
    let url = format!("{elsewhere}/call/Store.sum");
    let refused = post(
        &url,
        &[],
        &json!([{"url": "http://127.0.0.1:1/"}]).to_string(),
    )
    .await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_source_that_fails_is_an_error_of_the_stream() {
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all of it";
    for (response, reason) in [
        ("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\npage", "500"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        (
            "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            "redirect",
        ),
        (long, "failed"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "failed",
        ),
    ] {
        let address = source(response).await;
        let base = serve_with(address).await;
        let url = json!({"url": format!("http://{address}/")});
        let failed = store(&base, &json!(["a", url])).await;
        // The method's own error: it has seen that the stream failed.
        assert_eq!(failed.status, 422, "{failed:?}");
        let detail = failed.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(reason), "{detail}");
    }
}

#[tokio::test]
async fn the_end_of_a_call_ends_the_fetch() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (began, mut has_begun) = mpsc::channel(1);
    let disk = Disk {
        began: Mutex::new(Some(began)),
    };
    let sources = Destinations::new()
        .allow(&format!("http://{address}"))
        .unwrap();
    let gateway = Gateway::new()
        .service(StoreServer::new(disk))
        .fetch_from(sources);
    let base = serve(gateway.half_close_timeout(Duration::from_millis(50))).await;
    let url = json!([{"url": format!("http://{address}/")}]).to_string();
    let json = [("Content-Type", "application/json")];
    let mut caller = start("POST", &format!("{base}/call/Store.stall"), &json, &url).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    let head = read_head(&mut socket).await;
    assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    let head_and_part = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin";
    socket.write_all(head_and_part).await.unwrap();
    assert_eq!(has_begun.recv().await, None);
    caller.shutdown().await.unwrap();
    drop(caller);
    assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);

    // A method that does not read its stream does not wait for it either.
    let ignoring = tokio::spawn({
        let url = url.clone();
        async move { post(&format!("{base}/call/Store.ignore"), &[], &url).await }
    });
    assert_eq!(ignoring.await.unwrap().json(), 7);
    drop(listener);
}

#[tokio::test]
async fn a_slow_method_slows_the_fetch_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let base = serve_with(address).await;
    let url = json!([{"url": format!("http://{address}/")}]).to_string();
    let json = [("Content-Type", "application/json")];
    let _caller = start("POST", &format!("{base}/call/Store.stall"), &json, &url).await;
    let (mut socket, _) = listener.accept().await.unwrap();
    read_head(&mut socket).await;
    let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(begin).await.unwrap();
    // The method takes one piece. Everything else stays in buffers, which are limited: the source has to wait.
    let mut chunk = format!("{:x}\r\n", 1 << 20).into_bytes();
    chunk.resize(chunk.len() + (1 << 20), 0);
    chunk.extend_from_slice(b"\r\n");
    let mut sent = 0;
    let much = 256;
    while sent < much {
        let write = tokio::time::timeout(Duration::from_secs(1), socket.write_all(&chunk));
        match write.await {
            Ok(written) => written.unwrap(),
            Err(_waits) => break,
        }
        sent += 1;
    }
    assert!(sent < much, "{much} MiB were taken from the source");
}

#[tokio::test]
async fn a_call_may_take_as_long_as_its_stream() {
    let urls = StreamUrls::new();
    let gateway = Gateway::new()
        .service(Disk::server())
        .stream_urls(urls.clone())
        .timeout(Duration::from_secs(1));
    let base = serve(gateway).await;
    let (mut sender, receiver) = chirp::stream::channel::<Bytes>();
    let offer = urls.offer(receiver).unwrap();
    let url = json!({"url": offer.url()});
    let sending = async move {
        sender.send(Bytes::from_static(b"one")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        sender.send(Bytes::from_static(b"two")).await.unwrap();
        sender.finish();
    };
    let arguments = json!(["a", url]);
    let (stored, ()) = tokio::join!(store(&base, &arguments), sending);
    assert_eq!(stored.json(), json!("a: 6"));
}

#[tokio::test]
async fn a_stream_of_the_gateway_itself_needs_no_connection_and_no_permission() {
    let urls = StreamUrls::new();
    // No name of the domain `invalid` can be resolved.
    let gateway = Gateway::new()
        .service(Disk::server())
        .stream_urls(urls.clone())
        .public_url("https://gateway.invalid/api");
    let base = serve(gateway).await;
    for (at, how) in [
        ("https://gateway.invalid/api", "as callers see it"),
        ("", "as a path"),
    ] {
        let pieces = [Ok::<_, String>(Bytes::from(vec![0; 1 << 20]))];
        let mut offer = urls.offer(tokio_stream::iter(pieces)).unwrap();
        let arguments = json!([how, {"url": offer.url_at(at)}]);
        let stored = store(&base, &arguments).await;
        assert_eq!(stored.json(), json!(format!("{how}: 1048576")));
        assert_eq!(offer.ended().await, StreamUrlEnd::Complete);
        // It has been read.
        let again = store(&base, &arguments).await;
        assert_eq!(again.status, 400, "{again:?}");
    }
    let failing = tokio_stream::iter([Err::<Bytes, _>("disk on fire")]);
    let offer = urls.offer(failing).unwrap();
    let failed = store(&base, &json!(["a", {"url": offer.url()}])).await;
    assert_eq!(failed.status, 422);
    let detail = failed.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("disk on fire"), "{detail}");
    // A URL of another gateway is one of others.
    let foreign = json!(["a", {"url": format!("https://other.invalid{}", offer.url())}]);
    assert_eq!(store(&base, &foreign).await.status, 403);
}

async fn collect(mut receiver: Receiver<Bytes>) -> Result<Vec<u8>, StreamError> {
    let mut bytes = Vec::new();
    while let Some(piece) = receiver.recv().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_program_reads_a_stream_from_a_url_over_tcp_and_sockets() {
    let urls = StreamUrls::new();
    let base = serve(Gateway::new().stream_urls(urls.clone())).await;
    let folder = std::env::temp_dir().join(format!("chirp-url-arguments-{}", std::process::id()));
    let destinations = Destinations::new().allow(&base).unwrap();
    let destinations = destinations.allow_unix_folder(&folder).unwrap();
    let client = OutgoingClient::new(destinations);
    let pieces = || {
        let pieces = ["some ", "bytes"].map(|piece| Ok::<_, String>(Bytes::from(piece)));
        tokio_stream::iter(pieces)
    };
    let offer = urls.offer(pieces()).unwrap();
    let url = offer.url_at(&base);
    let stream = client.read_stream(&url).await.unwrap();
    assert_eq!(collect(stream).await.unwrap(), b"some bytes");
    let again = client.read_stream(&url).await.unwrap_err();
    assert!(
        matches!(again, OutgoingError::Status { status: 404, .. }),
        "{again}"
    );

    let offer = urls.offer_unix(&folder, pieces()).await.unwrap();
    let stream = client.read_stream(offer.url()).await.unwrap();
    assert_eq!(collect(stream).await.unwrap(), b"some bytes");

    let failing = tokio_stream::iter([Ok(Bytes::from_static(b"some")), Err("torn")]);
    let offer = urls.offer(failing).unwrap();
    let stream = client.read_stream(&offer.url_at(&base)).await.unwrap();
    assert!(matches!(collect(stream).await, Err(StreamError::Failed(_))));

    let other = client.read_stream("http://127.0.0.1:1/").await.unwrap_err();
    assert!(matches!(other, OutgoingError::Destination(_)), "{other}");
    let _ = std::fs::remove_dir_all(folder);
}
