//! Streams at URLs: one reader each, for a limited time.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chirp::http::Gateway;
use chirp::requests::{StreamUrlEnd, StreamUrlError, StreamUrls};
use futures_core::Stream;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use crate::client::{get, post, send, start};

/// A stream that tells when it is dropped.
struct Watched<S> {
    inner: Pin<Box<S>>,
    _dropped: mpsc::Sender<()>,
}

impl<S: Stream> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

/// Returns a stream, and a receiver that ends when the stream is dropped.
fn watched<S: Stream>(inner: S) -> (Watched<S>, mpsc::Receiver<()>) {
    let (sender, receiver) = mpsc::channel(1);
    let stream = Watched {
        inner: Box::pin(inner),
        _dropped: sender,
    };
    (stream, receiver)
}

fn pieces(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, String>> + use<> {
    let pieces: Vec<_> = pieces
        .iter()
        .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
        .collect();
    tokio_stream::iter(pieces)
}

fn endless() -> impl Stream<Item = Result<Bytes, String>> {
    async_stream::stream! {
        yield Ok(Bytes::from_static(b"begin"));
        std::future::pending::<()>().await;
    }
}

#[chirp::service]
trait Files {
    async fn read(&self, pieces: u32) -> impl Stream<Item = Bytes>;
    async fn count(&self, to: u32) -> impl Stream<Item = u32>;
    async fn torn(&self) -> impl Stream<Item = Result<Bytes, String>>;
    async fn endless(&self) -> impl Stream<Item = Bytes>;
    async fn name(&self) -> String;
}

/// Has a sender that an endless stream takes along.
struct Disk(Mutex<Option<mpsc::Sender<()>>>);

impl Disk {
    fn server() -> FilesServer<Self> {
        FilesServer::new(Self(Mutex::default()))
    }
}

impl Files for Disk {
    async fn read(&self, pieces: u32) -> impl Stream<Item = Bytes> {
        tokio_stream::iter((0..pieces).map(|_| Bytes::from_static(b"piece;")))
    }

    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        tokio_stream::iter(1..=to)
    }

    async fn torn(&self) -> impl Stream<Item = Result<Bytes, String>> {
        tokio_stream::iter([Ok(Bytes::from_static(b"some")), Err("torn".to_owned())])
    }

    async fn endless(&self) -> impl Stream<Item = Bytes> {
        let running = self.0.lock().unwrap().take();
        async_stream::stream! {
            let _running = running;
            yield Bytes::from_static(b"begin");
            std::future::pending::<()>().await;
        }
    }

    async fn name(&self) -> String {
        "disk".to_owned()
    }
}

/// Serves a gateway, and returns its URL.
async fn serve(gateway: Gateway) -> String {
    let server = gateway.bind("http://127.0.0.1:0").await.unwrap();
    let url = server.url().unwrap();
    tokio::spawn(server.run());
    url
}

async fn serve_urls(urls: &StreamUrls) -> String {
    let gateway = Gateway::new().stream_urls(urls.clone());
    serve(gateway.half_close_timeout(Duration::from_millis(50))).await
}

#[tokio::test]
async fn one_reader_reads_a_stream_and_the_next_finds_none() {
    let urls = StreamUrls::new();
    let base = serve_urls(&urls).await;
    let (stream, mut dropped) = watched(pieces(&["some ", "", "bytes"]));
    let mut offer = urls.offer(stream).unwrap();
    assert_eq!(urls.len(), 1);
    assert!(offer.url().starts_with("/streams/"), "{}", offer.url());
    assert_eq!(offer.url().len(), "/streams/".len() + 32);
    let url = offer.url_at(&base);

    // HEAD, ranges and other methods leave the stream where it is.
    let head = send("HEAD", &url, &[], "").await;
    assert_eq!((head.status, head.is_complete), (200, true));
    assert_eq!(
        head.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(head.header("accept-ranges"), Some("none"));
    let range = send("GET", &url, &[("Range", "bytes=0-3")], "").await;
    assert_eq!(
        (range.status, range.header("accept-ranges")),
        (416, Some("none"))
    );
    let other = send("POST", &url, &[("Content-Type", "application/json")], "").await;
    assert_eq!(
        (other.status, other.header("allow")),
        (405, Some("GET, HEAD"))
    );

    let read = get(&url).await;
    assert_eq!((read.status, read.is_complete), (200, true));
    assert_eq!(read.body, b"some bytes");
    assert_eq!(read.header("cache-control"), Some("no-store"));
    assert_eq!(offer.ended().await, StreamUrlEnd::Complete);
    assert_eq!(dropped.recv().await, None);
    assert!(urls.is_empty());
    let again = get(&url).await;
    assert_eq!(again.status, 404);
    assert!(again.json()["detail"].is_string());
    assert_eq!(get(&format!("{base}/streams/x")).await.status, 404);
    assert_eq!(get(&format!("{base}/streams/")).await.status, 404);
}

#[tokio::test]
async fn a_second_reader_is_refused_while_the_first_one_reads() {
    let urls = StreamUrls::new();
    let base = serve_urls(&urls).await;
    let mut offer = urls.offer(endless()).unwrap();
    let url = offer.url_at(&base);
    let mut first = start("GET", &url, &[], "").await;
    let mut begin = [0; 4096];
    let mut seen = Vec::new();
    while !seen.ends_with(b"begin\r\n") {
        let length = first.read(&mut begin).await.unwrap();
        assert_ne!(length, 0);
        seen.extend_from_slice(&begin[..length]);
    }
    assert_eq!(get(&url).await.status, 410);
    // A reader that goes away ends the stream.
    drop(first);
    assert_eq!(offer.ended().await, StreamUrlEnd::ReaderLost);
    assert!(urls.is_empty());
}

#[tokio::test]
async fn a_source_that_fails_cuts_the_body() {
    let urls = StreamUrls::new();
    let base = serve_urls(&urls).await;
    let failing = tokio_stream::iter([Ok(Bytes::from_static(b"some")), Err("disk on fire")]);
    let mut offer = urls.offer(failing).unwrap();
    let read = get(&offer.url_at(&base)).await;
    assert_eq!((read.status, &*read.body), (200, &b"some"[..]));
    assert!(!read.is_complete, "{read:?}");
    let end = offer.ended().await;
    assert_eq!(end, StreamUrlEnd::Failed("disk on fire".to_owned()));
}

#[tokio::test]
async fn a_reader_of_bytes_is_offered_as_it_is() {
    let urls = StreamUrls::new();
    let base = serve_urls(&urls).await;
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let offer = urls
        .offer_reader(std::io::Cursor::new(bytes.clone()))
        .unwrap();
    let read = get(&offer.url_at(&base)).await;
    assert!(read.is_complete && read.body == bytes);

    let (sender, receiver) = chirp::stream::channel::<Bytes>();
    let offer = urls.offer(receiver).unwrap();
    // Its sender is gone without having finished.
    drop(sender);
    assert!(!get(&offer.url_at(&base)).await.is_complete);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_dropped() {
    let urls = StreamUrls::new().time_to_live(Duration::from_secs(5));
    let (stream, mut dropped) = watched(endless());
    let mut offer = urls.offer(stream).unwrap();
    assert_eq!(offer.expires_in(), Duration::from_secs(5));
    assert_eq!(offer.ended().await, StreamUrlEnd::Expired);
    assert_eq!(dropped.recv().await, None);
    assert!(urls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_dropped_after_its_offer_was_detached() {
    let urls = StreamUrls::new();
    let (stream, mut dropped) = watched(endless());
    urls.offer(stream).unwrap().detach();
    assert_eq!(urls.len(), 1);
    assert_eq!(dropped.recv().await, None);
    assert!(urls.is_empty());
}

#[tokio::test]
async fn dropping_an_offer_withdraws_the_stream_also_while_it_is_read() {
    let urls = StreamUrls::new();
    let base = serve_urls(&urls).await;
    let (stream, mut dropped) = watched(endless());
    let offer = urls.offer(stream).unwrap();
    let url = offer.url_at(&base);
    drop(offer);
    assert_eq!(dropped.recv().await, None);
    assert_eq!(get(&url).await.status, 404);

    let (stream, mut dropped) = watched(endless());
    let offer = urls.offer(stream).unwrap();
    let mut reader = start("GET", &offer.url_at(&base), &[], "").await;
    let mut byte = [0; 1];
    reader.read_exact(&mut byte).await.unwrap();
    drop(offer);
    assert_eq!(dropped.recv().await, None);
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the body was cut");

    // The last clone takes along what nobody reads yet.
    let urls = StreamUrls::new();
    let (stream, mut dropped) = watched(endless());
    let mut offer = urls.offer(stream).unwrap();
    drop(urls);
    assert_eq!(dropped.recv().await, None);
    assert_eq!(offer.ended().await, StreamUrlEnd::Withdrawn);
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_source_for_a_limited_time() {
    let urls = StreamUrls::new().max_read_time(Duration::from_millis(200));
    let base = serve_urls(&urls).await;
    let much = Bytes::from(vec![0; 1 << 20]);
    let (stream, mut dropped) = watched(async_stream::stream! {
        loop {
            yield Ok::<_, String>(much.clone());
        }
    });
    let mut offer = urls.offer(stream).unwrap();
    let _stalled = start("GET", &offer.url_at(&base), &[], "").await;
    assert_eq!(offer.ended().await, StreamUrlEnd::TimedOut);
    assert_eq!(dropped.recv().await, None);
}

#[tokio::test]
async fn the_number_of_streams_is_limited() {
    let urls = StreamUrls::new().max_streams(2);
    let first = urls.offer(endless()).unwrap();
    let _second = urls.offer(endless()).unwrap();
    let (stream, mut dropped) = watched(endless());
    let refused = urls.offer(stream).unwrap_err();
    assert!(
        matches!(refused, StreamUrlError::TooMany { limit: 2 }),
        "{refused}"
    );
    assert_eq!(dropped.recv().await, None);
    drop(first);
    assert_eq!(urls.len(), 1);
    let _third = urls.offer(endless()).unwrap();
}

#[tokio::test]
async fn a_program_serves_its_streams_without_a_gateway() {
    let urls = StreamUrls::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let urls = urls.public_url(&format!("{base}/files/"));
    let app = axum::Router::new().nest_service("/files", urls.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let offer = urls.offer(pieces(&["here"])).unwrap();
    assert!(offer.url().starts_with(&base), "{}", offer.url());
    assert_eq!(offer.url_at("http://elsewhere"), offer.url());
    assert_eq!(get(offer.url()).await.body, b"here");
    assert_eq!(get(offer.url()).await.status, 404);
}

/// Calls a method for a stream URL.
async fn stream_url(base: &str, method: &str, arguments: &str) -> String {
    let asked = [("Chirp-Stream", "url")];
    let response = post(&format!("{base}/call/{method}"), &asked, arguments).await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    let answer = response.json();
    assert_eq!(answer["expires_in"], 60);
    let url = answer["stream_url"].as_str().unwrap().to_owned();
    assert_eq!(response.header("location"), Some(&*url));
    url
}

#[tokio::test]
async fn the_result_of_a_call_is_read_from_a_url() {
    let urls = StreamUrls::new();
    let gateway = Gateway::new().service(Disk::server());
    let base = serve(gateway.stream_urls(urls.clone())).await;
    let url = stream_url(&base, "Files.read", "[3]").await;
    assert!(url.starts_with(&format!("{base}/streams/")), "{url}");
    let read = get(&url).await;
    assert_eq!(
        (&*read.body, read.is_complete),
        (&b"piece;piece;piece;"[..], true)
    );
    assert_eq!(get(&url).await.status, 404);

    let url = stream_url(&base, "Files.count", "[2]").await;
    let read = get(&url).await;
    assert_eq!(read.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(read.body, b"{\"item\":1}\n{\"item\":2}\n{\"end\":2}\n");

    let url = stream_url(&base, "Files.torn", "").await;
    let read = get(&url).await;
    assert_eq!((&*read.body, read.is_complete), (&b"some"[..], false));
}

#[tokio::test]
async fn a_caller_that_accepts_json_alone_gets_the_url_of_a_byte_stream() {
    let gateway = Gateway::new().service(Disk::server());
    let base = serve(gateway.stream_urls(StreamUrls::new())).await;
    let url = format!("{base}/call/Files.read");
    // The headers of `curl --json`.
    let asked = [("Chirp-Stream", "url"), ("Accept", "application/json")];
    let response = post(&url, &asked, "[2]").await;
    assert_eq!(response.status, 201, "{response:?}");
    let answer = response.json();
    let read = get(answer["stream_url"].as_str().unwrap()).await;
    assert_eq!(
        read.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(read.body, b"piece;piece;");

    let asked = [("Chirp-Stream", "url"), ("Accept", "text/html")];
    assert_eq!(post(&url, &asked, "[2]").await.status, 406);
}

#[tokio::test]
async fn the_url_of_a_result_has_the_host_of_the_request_or_the_public_url() {
    let gateway = || Gateway::new().service(Disk::server());
    let base = serve(
        gateway()
            .stream_urls(StreamUrls::new())
            .allow_host("chirp.test"),
    )
    .await;
    let headers = [("Chirp-Stream", "url"), ("Host", "chirp.test:1234")];
    let response = post(&format!("{base}/call/Files.read"), &headers, "[1]").await;
    let url = response.json()["stream_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://chirp.test:1234/streams/"), "{url}");

    let public = gateway().stream_urls(StreamUrls::new());
    let base = serve(public.public_url("https://example.com/api/")).await;
    let url = stream_url(&base, "Files.read", "[1]").await;
    assert!(url.starts_with("https://example.com/api/streams/"), "{url}");
}

#[tokio::test]
async fn a_link_on_any_page_leads_to_a_stream_and_scripts_of_other_sites_do_not_get_it() {
    let urls = StreamUrls::new();
    let base = serve_urls(&urls).await;
    let offer = urls.offer(pieces(&["here"])).unwrap();
    let url = offer.url_at(&base);
    let script = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "no-cors"),
    ];
    assert_eq!(send("GET", &url, &script, "").await.status, 403);
    let link = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
    ];
    assert_eq!(send("GET", &url, &link, "").await.body, b"here");
}

#[tokio::test]
async fn a_result_that_nobody_fetches_is_cancelled() {
    let (running, mut stopped) = mpsc::channel(1);
    let urls = StreamUrls::new().time_to_live(Duration::from_millis(100));
    let disk = Disk(Mutex::new(Some(running)));
    let gateway = Gateway::new().service(FilesServer::new(disk));
    let base = serve(gateway.stream_urls(urls.clone())).await;
    let asked = [("Chirp-Stream", "url")];
    let response = post(&format!("{base}/call/Files.endless"), &asked, "").await;
    assert_eq!(response.status, 201);
    let url = response.json()["stream_url"].as_str().unwrap().to_owned();
    assert_eq!(stopped.recv().await, None);
    assert_eq!(get(&url).await.status, 404);
    assert!(urls.is_empty());
}

#[tokio::test]
async fn a_url_is_asked_for_only_where_there_is_a_stream() {
    let with = serve(
        Gateway::new()
            .service(Disk::server())
            .stream_urls(StreamUrls::new().max_streams(0)),
    )
    .await;
    let without = serve(Gateway::new().service(Disk::server())).await;
    let url = [("Chirp-Stream", "url")];
    let other = [("Chirp-Stream", "body")];
    for (base, method, headers, status) in [
        (&with, "Files.name", &url, 400),
        (&with, "Files.read", &other, 400),
        (&without, "Files.read", &url, 501),
        (&with, "Files.read", &url, 503),
    ] {
        let response = post(&format!("{base}/call/{method}"), headers, "[1]").await;
        assert_eq!(response.status, status, "{response:?}");
        assert!(response.json()["detail"].is_string());
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_gateway_on_a_unix_socket_has_urls_of_that_socket() {
    let folder = TestFolder::new();
    let socket = folder.0.join("gateway.sock");
    let gateway = Gateway::new().service(Disk::server());
    let gateway = gateway.stream_urls(StreamUrls::new());
    let server = gateway.bind(&format!("unix://{}", socket.display())).await;
    tokio::spawn(server.unwrap().run());
    let encoded = socket.display().to_string().replace('/', "%2F");
    let base = format!("http+unix://{encoded}");
    let url = stream_url(&base, "Files.read", "[2]").await;
    assert!(url.starts_with(&format!("{base}/streams/")), "{url}");
    assert_eq!(get(&url).await.body, b"piece;piece;");
}

/// A folder for the files of a test.
struct TestFolder(PathBuf);

impl TestFolder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("chirp-stream-urls-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_unix_socket_of_its_own_has_the_stream_for_one_reader_and_leaves_no_file() {
    let test = TestFolder::new();
    let folder = test.0.join("made/for/this");
    let urls = StreamUrls::new();
    let mut offer = urls
        .offer_unix(&folder, pieces(&["by ", "socket"]))
        .await
        .unwrap();
    let path = offer.url().strip_prefix("unix:").unwrap().to_owned();
    let socket = Path::new(&path);
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(socket), 0o600);
    // The token is not one of the gateway.
    let base = serve_urls(&urls).await;
    let token = socket.file_stem().unwrap().to_str().unwrap();
    assert_eq!(get(&format!("{base}/streams/{token}")).await.status, 404);

    assert_eq!(send("HEAD", offer.url(), &[], "").await.status, 200);
    let elsewhere = format!("http+unix://{}/other", path.replace('/', "%2F"));
    assert_eq!(get(&elsewhere).await.status, 404);
    let read = get(offer.url()).await;
    assert_eq!((&*read.body, read.is_complete), (&b"by socket"[..], true));
    assert_eq!(offer.ended().await, StreamUrlEnd::Complete);
    while socket.exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    let offer = urls.offer_unix(&folder, endless()).await.unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    drop(offer);
    while fs::read_dir(&folder).unwrap().count() > 0 {
        tokio::task::yield_now().await;
    }
    let failing = tokio_stream::iter([Err::<Bytes, _>("no such disk")]);
    let offer = urls.offer_unix(&folder, failing).await.unwrap();
    assert!(!get(offer.url()).await.is_complete);
}

#[tokio::test]
async fn a_folder_that_others_can_change_is_refused_and_stale_sockets_are_removed() {
    let test = TestFolder::new();
    let folder = test.0.clone();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let (stream, mut dropped) = watched(endless());
    let refused = StreamUrls::new().offer_unix(&folder, stream).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, StreamUrlError::SharedFolder(_)),
        "{refused}"
    );
    assert_eq!(dropped.recv().await, None);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();

    // As a killed process leaves it: without a listener, and some time ago.
    let stale = folder.join(format!("{}.sock", "a".repeat(32)));
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    let hours_ago = std::time::SystemTime::now() - Duration::from_hours(2);
    let touched = std::process::Command::new("touch")
        .args([
            "-d",
            &format!(
                "@{}",
                hours_ago
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap()
                    .as_secs()
            ),
        ])
        .arg(&stale)
        .status();
    assert!(touched.unwrap().success());
    // Other files stay.
    let other = folder.join("other.sock");
    drop(std::os::unix::net::UnixListener::bind(&other).unwrap());
    let long = folder.join("long".repeat(40));
    let urls = StreamUrls::new();
    let _offer = urls.offer_unix(&folder, endless()).await.unwrap();
    assert!(!stale.exists() && other.exists());
    let refused = urls.offer_unix(&long, endless()).await.unwrap_err();
    assert!(matches!(refused, StreamUrlError::Socket(..)), "{refused}");
    assert_eq!(urls.len(), 1);
}
