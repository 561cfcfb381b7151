use bytes::Bytes;
use chirp::http::Gateway;
use chirp::requests::{
    DestinationError, Destinations, OutgoingClient, OutgoingError, StreamUrlError, StreamUrls,
};
use chirp::{Receiver, Server};
use futures_core::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::serve;
use crate::client::{get, post};
use crate::support::{in_time, socket_path};

fn hello() -> impl Stream<Item = Result<Bytes, String>> {
    tokio_stream::iter([Ok(Bytes::from_static(b"hello"))])
}

#[chirp::service]
trait Greetings {
    async fn hello(&self) -> impl Stream<Item = Bytes>;
    async fn count(&self, data: Receiver<Bytes>) -> Result<usize, String>;
}

struct Polite;

impl Greetings for Polite {
    async fn hello(&self) -> impl Stream<Item = Bytes> {
        tokio_stream::iter([Bytes::from_static(b"hello")])
    }

    async fn count(&self, mut data: Receiver<Bytes>) -> Result<usize, String> {
        let mut count = 0;
        while let Some(piece) = data.recv().await {
            count += piece.map_err(|error| error.to_string())?.len();
        }
        Ok(count)
    }
}

/// AC-T13: a stream has a URL. A missing source cannot be written, by its type; a stream beyond the limit is refused.
#[tokio::test]
async fn t13_a_stream_is_offered_at_a_url() {
    let urls = StreamUrls::new().max_streams(1);
    let offer = urls.offer(hello()).unwrap();
    assert!(offer.url().starts_with("/streams/"));
    let refused = urls.offer(hello()).unwrap_err();
    assert!(matches!(refused, StreamUrlError::TooMany { limit: 1 }));
}

/// AC-T14: the data of a stream arrive once; a second read and a URL that was never handed out fail.
#[tokio::test]
async fn t14_a_stream_is_read_once() {
    let urls = StreamUrls::new();
    let base = serve(Gateway::new().stream_urls(urls.clone())).await;
    let url = urls.offer(hello()).unwrap();
    let read = get(&url.url_at(&base)).await;
    assert_eq!((read.status, &*read.body), (200, &b"hello"[..]));
    assert_eq!(get(&url.url_at(&base)).await.status, 404);
    let guessed = format!("{base}/streams/{}", "0".repeat(32));
    assert_eq!(get(&guessed).await.status, 404);
}

/// AC-T15: a stream of a service on a Unix socket is read through the gateway, and has the same data.
#[tokio::test]
async fn t15_a_stream_is_read_through_a_gateway() {
    let socket = format!("unix://{}", socket_path().display());
    let behind = Server::builder().service(GreetingsServer::new(Polite));
    let behind = behind.reflect().bind(&socket).await.unwrap();
    tokio::spawn(behind.run());
    let peer = chirp::connect(&socket).await.unwrap();
    let gateway = Gateway::new().target(&peer).stream_urls(StreamUrls::new());
    let base = serve(gateway).await;
    let asked = [("Chirp-Stream", "url")];
    let response = post(&format!("{base}/call/Greetings.hello"), &asked, "").await;
    let url = response.json()["stream_url"].as_str().unwrap().to_owned();
    let read = get(&url).await;
    assert_eq!((&*read.body, read.is_complete), (&b"hello"[..], true));
}

/// Answers one connection after the other with this text.
async fn answering(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await.unwrap();
            socket.write_all(text.as_bytes()).await.unwrap();
        }
    });
    url
}

/// AC-T34: the page of an error is no data, for a program that fetches and for a method whose argument is a URL.
#[tokio::test]
async fn t34_a_stream_with_the_status_500_is_an_error() {
    let page = "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops";
    let source = answering(page).await;
    let destinations = || Destinations::new().allow(&source).unwrap();
    let client = OutgoingClient::new(destinations());
    let url = client.check(&source).unwrap();
    let error = in_time(client.get(&url)).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Status { .. }), "{error:?}");

    let gateway = Gateway::new().service(GreetingsServer::new(Polite));
    let base = serve(gateway.fetch_from(destinations())).await;
    let arguments = format!("{{\"data\":{{\"url\":\"{source}\"}}}}");
    let called = post(&format!("{base}/call/Greetings.count"), &[], &arguments).await;
    assert!(called.status >= 400, "{called:?}");

    let fine = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let gateway = Gateway::new().service(GreetingsServer::new(Polite));
    let base = serve(gateway.fetch_from(Destinations::new().allow(&fine).unwrap())).await;
    let arguments = format!("{{\"data\":{{\"url\":\"{fine}\"}}}}");
    let called = post(&format!("{base}/call/Greetings.count"), &[], &arguments).await;
    assert_eq!((called.status, &*called.body), (200, &b"5"[..]));
}

/// AC-T35: nothing is fetched from a URL that the operator has not allowed, and no URL is read that was not handed out.
#[tokio::test]
async fn t35_only_urls_that_were_allowed_or_issued_are_read() {
    let secret = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/", secret.local_addr().unwrap());
    let client = OutgoingClient::new(Destinations::new());
    for url in [&*target, "file:///etc/passwd", "unix:/run/secret.sock"] {
        let refused = client.check(url);
        assert!(refused.is_err(), "{url}");
    }
    let refused: DestinationError = client.check(&target).unwrap_err();
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");

    let gateway = Gateway::new().service(GreetingsServer::new(Polite));
    let base = serve(gateway.stream_urls(StreamUrls::new())).await;
    let arguments = format!("{{\"data\":{{\"url\":\"{target}\"}}}}");
    let called = post(&format!("{base}/call/Greetings.count"), &[], &arguments).await;
    assert!((400..500).contains(&called.status), "{called:?}");
    for path in ["streams/?addr=", "streams?addr=", "?addr="] {
        let read = get(&format!("{base}/{path}{target}")).await;
        assert!(!read.body.starts_with(b"secret"), "{read:?}");
    }
    let connected = tokio::time::timeout(std::time::Duration::ZERO, secret.accept());
    assert!(connected.await.is_err(), "nobody connected");
}
