//! Requests leave the process only to destinations that are allowed.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chirp::requests::{DestinationError, Destinations, OutgoingClient, OutgoingError};
use http::HeaderMap;
use http::header::{HOST, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use crate::support::in_time;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A server that counts its connections, keeps the head of the last request, and always answers the same.
struct Counting {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Counting {
    async fn start(answer: &str) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    async fn start_at(address: &str, answer: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
        let (answer, counted) = (answer.to_owned(), Arc::clone(&connections));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, answer.clone(), sender.clone()));
            }
        });
        Self {
            address,
            connections,
            requests,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/path?query=1", self.address)
    }

    fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Answers one request, whose head is sent to the test with its body.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: String,
    requests: tokio::sync::mpsc::UnboundedSender<String>,
) {
    let mut bytes = Vec::new();
    let head = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some(end) = bytes.windows(4).position(|at| at == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let _ = requests.send(String::from_utf8(bytes).unwrap());
    let _ = stream.write_all(answer.as_bytes()).await;
    if answer.ends_with("\r\n\r\n...") {
        // The rest of the answer never comes.
        std::future::pending::<()>().await;
    }
}

fn allowing(destination: &str) -> OutgoingClient {
    OutgoingClient::new(Destinations::new().allow(destination).unwrap())
}

/// Posts `{}` to a URL.
async fn post(client: &OutgoingClient, url: &str) -> Result<String, OutgoingError> {
    let url = client.check(url)?;
    let response = in_time(client.post(&url, HeaderMap::new(), Bytes::from_static(b"{}"))).await?;
    Ok(String::from_utf8(response.body.to_vec()).unwrap())
}

/// Gets the whole body.
async fn get(client: &OutgoingClient, url: &str) -> Result<Vec<u8>, OutgoingError> {
    let url = client.check(url)?;
    let mut body = in_time(client.get(&url)).await?;
    let mut bytes = Vec::new();
    while let Some(part) = in_time(body.next()).await {
        bytes.extend_from_slice(&part?);
    }
    Ok(bytes)
}

/// Everything that stands for an address of this machine or of a network that is not public, in every form that a resolver takes.
#[tokio::test]
async fn addresses_that_are_not_public_are_never_connected_to() {
    let server = Counting::start(OK).await;
    let port = server.address.port();
    let any_host = allowing(&format!("http://*:{port}"));
    for host in [
        "127.0.0.1",
        "127.42.42.42",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::169.254.169.254]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        let url = format!("http://{host}:{port}/");
        let error = post(&any_host, &url).await.expect_err(&url);
        // A form that this resolver does not know is no address.
        let is_refused = matches!(
            error,
            OutgoingError::AddressRefused { .. } | OutgoingError::Resolve { .. }
        );
        assert!(is_refused, "{url}: {error}");
        let error = get(&any_host, &url).await.expect_err(&url);
        assert!(
            !matches!(error, OutgoingError::Connect { .. }),
            "{url}: {error}"
        );
    }
    // The numbers are addresses for this resolver.
    for host in ["2130706433", "0x7f.1"] {
        let url = format!("http://{host}:{port}/");
        let error = post(&any_host, &url).await.expect_err(&url);
        assert!(
            matches!(error, OutgoingError::AddressRefused { .. }),
            "{error}"
        );
        assert!(!error.is_transient());
    }
    assert_eq!(server.count(), 0);
    let listed = allowing(&format!("http://127.0.0.1:{port}"));
    assert_eq!(post(&listed, &server.url()).await.unwrap(), "hello");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn urls_that_are_not_listed_are_refused_before_anything_is_resolved() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let destinations = Destinations::new()
        .allow("https://hooks.example.com")
        .unwrap()
        .allow("http://*.example.org:8080")
        .unwrap()
        .allow_unix_folder("/run/jobs")
        .unwrap();
    let client = OutgoingClient::new(destinations).resolve_with(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err(io::ErrorKind::NotFound.into()) }
    });
    for url in [
        "https://hooks.example.com/a?b",
        "HTTPS://HOOKS.EXAMPLE.COM:443/",
        "http://a.example.org:8080/",
        "http://a.b.example.org:8080/",
        "unix:/run/jobs/a.sock",
        "unix:///run/jobs/below/a.sock",
        "http+unix://%2Frun%2Fjobs%2Fa.sock/path",
    ] {
        assert_eq!(client.check(url).expect(url).as_str(), url);
    }
    for url in [
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com./",
        "https://hooks.example.com.evil.example/",
        "https://evilhooks.example.com/",
        "https://a.hooks.example.com/",
        "http://example.org:8080/",
        "http://evilexample.org:8080/",
        "http://a.example.org/",
        "http://10.0.0.1:8080/",
        "unix:/run/jobs",
        "unix:/run/jobs2/a.sock",
        "unix:/run/a.sock",
        "http+unix://%2Frun%2Fa.sock/",
    ] {
        let error = client.check(url).expect_err(url);
        assert!(
            matches!(error, DestinationError::NotListed { .. }),
            "{url}: {error}"
        );
    }
    for url in [
        "file:///etc/hosts",
        "ftp://hooks.example.com/",
        "gopher://hooks.example.com/",
        "data:,x",
        "https://user:pass@hooks.example.com/",
        "https://hooks.example.com@evil.example/",
        "https://hooks.example.com#@evil.example/",
        "https://hooks.example.com\\.evil.example/",
        "https://evil.example%2F.hooks.example.com/",
        "https://hooks.example.com/\r\nHost: evil.example",
        "unix:/run/jobs/../a.sock",
        "http+unix://%2Frun%2Fjobs%2F..%2Fa.sock/",
        "unix:run/jobs/a.sock",
        "//hooks.example.com/",
        "asdf",
        "",
    ] {
        let error = client.check(url).expect_err(url);
        assert!(
            matches!(error, DestinationError::InvalidUrl(_)),
            "{url}: {error}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // The list is checked again where a request is sent.
    let url = Destinations::new().allow("http://*").unwrap();
    let url = url.check("http://elsewhere.example/").unwrap();
    let error = client.get(&url).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Destination(_)), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let error = get(&client, "http://a.example.org:8080/")
        .await
        .unwrap_err();
    assert!(matches!(error, OutgoingError::Resolve { .. }) && error.is_transient());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_empty_list_allows_nothing() {
    let none = Destinations::new();
    assert!(none.is_empty());
    for url in [
        "https://example.com/",
        "http://127.0.0.1/",
        "unix:/run/x.sock",
    ] {
        assert!(none.check(url).is_err(), "{url}");
    }
}

#[test]
fn what_cannot_be_a_destination_is_not_listed() {
    for text in [
        "",
        "example.com",
        "https://",
        "https://a/path",
        "https://a?b",
        "https://user@a",
        "https://a:0",
        "https://a:x",
        "https://a*",
        "https://*.10.0.0.1",
        "https://a b",
        "ftp://a",
        "unix:///run/x.sock",
    ] {
        let error = Destinations::new().allow(text).expect_err(text);
        assert!(error.to_string().contains(text), "{error}");
    }
    assert!(Destinations::new().allow_network("10.0.0.1/8").is_err());
    for folder in ["run", "", "/run/../etc"] {
        assert!(
            Destinations::new().allow_unix_folder(folder).is_err(),
            "{folder}"
        );
    }
}

/// A name is resolved once for a request: its later answers cannot lead elsewhere.
#[tokio::test]
async fn a_name_that_changes_its_address_leads_nowhere_else() {
    let allowed = Counting::start("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let port = allowed.address.port();
    let other = Counting::start_at(&format!("127.0.0.2:{port}"), OK).await;
    let answers: [&[&str]; 4] = [
        &["127.0.0.1"],
        &["127.0.0.2"],
        &["127.0.0.1", "127.0.0.2"],
        &["::ffff:127.0.0.1"],
    ];
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let destinations = Destinations::new()
        .allow(&format!("http://rebound.example:{port}"))
        .unwrap()
        .allow_network("127.0.0.1/32")
        .unwrap();
    let client = OutgoingClient::new(destinations).resolve_with(move |name| {
        assert_eq!(name, "rebound.example");
        let answer = answers[counted.fetch_add(1, Ordering::SeqCst)];
        let answer = answer
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<IpAddr>>();
        async move { Ok(answer) }
    });
    let url = format!("http://rebound.example:{port}/");
    assert_eq!(post(&client, &url).await.unwrap(), "ok");
    for _ in 0..2 {
        let error = post(&client, &url).await.unwrap_err();
        let OutgoingError::AddressRefused { address, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(address.to_string(), "127.0.0.2");
    }
    assert_eq!(post(&client, &url).await.unwrap(), "ok");
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    assert_eq!((allowed.count(), other.count()), (2, 0));
}

#[tokio::test]
async fn redirects_are_errors_and_not_followed() {
    let elsewhere = Counting::start(OK).await;
    for status in [301, 302, 303, 307, 308, 300, 304] {
        let location = elsewhere.url();
        let answer =
            format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Counting::start(&answer).await;
        // Even a destination that is allowed itself.
        let destinations = Destinations::new()
            .allow(&format!("http://{}", server.address))
            .unwrap()
            .allow(&format!("http://{}", elsewhere.address))
            .unwrap();
        let client = OutgoingClient::new(destinations);
        for error in [
            post(&client, &server.url()).await.unwrap_err(),
            get(&client, &server.url()).await.unwrap_err(),
        ] {
            assert!(
                matches!(error, OutgoingError::Redirected { .. }),
                "{status}: {error}"
            );
            assert!(!error.is_transient());
        }
        assert_eq!(server.count(), 2);
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn a_request_names_the_host_of_its_url_and_nothing_else() {
    let mut server = Counting::start(OK).await;
    let port = server.address.port();
    let destinations = Destinations::new()
        .allow(&format!("http://Named.Example:{port}"))
        .unwrap()
        .allow_network("127.0.0.0/8")
        .unwrap();
    let client = OutgoingClient::new(destinations)
        .resolve_with(|_| async { Ok(vec!["127.0.0.1".parse().unwrap()]) });
    let url = client
        .check(&format!("http://named.example:{port}/a/b?c=d"))
        .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("other.example"));
    headers.insert("x-id", HeaderValue::from_static("7"));
    let response = client
        .post(&url, headers, Bytes::from_static(b"body"))
        .await
        .unwrap();
    assert_eq!(
        (response.status.as_u16(), response.is_complete),
        (200, true)
    );
    let request = server.requests.recv().await.unwrap();
    assert!(
        request.starts_with("POST /a/b?c=d HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("\r\nhost: named.example:{port}\r\n")),
        "{request}"
    );
    assert!(!request.contains("other.example"), "{request}");
    assert!(request.contains("\r\nx-id: 7\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nbody"), "{request}");
}

/// A page of an error is no data (AC-T34).
#[tokio::test]
async fn a_body_with_another_status_than_success_is_an_error() {
    for (status, is_transient) in [
        (500, true),
        (503, true),
        (429, true),
        (408, true),
        (404, false),
        (403, false),
        (410, false),
        (206, false),
    ] {
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 5\r\n\r\nerror");
        let server = Counting::start(&answer).await;
        let client = allowing(&format!("http://{}", server.address));
        let error = get(&client, &server.url()).await.unwrap_err();
        let OutgoingError::Status { status: found, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((found, error.is_transient()), (status, is_transient));
        // Those of a POST are the caller's to judge.
        assert_eq!(post(&client, &server.url()).await.unwrap(), "error");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_or_stalls_is_an_error() {
    let text = |answer: &'static str| async move {
        let server = Counting::start(answer).await;
        let client =
            allowing(&format!("http://{}", server.address)).idle_timeout(Duration::from_millis(50));
        get(&client, &server.url()).await
    };
    assert_eq!(text(OK).await.unwrap(), b"hello");
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    assert_eq!(text(chunked).await.unwrap(), b"hello");
    assert_eq!(text("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap(), b"");
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "no HTTP\r\n\r\n",
    ] {
        let error = text(cut).await.expect_err(cut);
        assert!(matches!(error, OutgoingError::Exchange { .. }), "{error}");
        assert!(error.is_transient());
    }
    let error = text("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n...")
        .await
        .unwrap_err();
    assert!(matches!(error, OutgoingError::TimedOut { .. }), "{error}");
    let encoded = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello";
    let error = text(encoded).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Encoded { .. }), "{error}");
}

#[tokio::test]
async fn the_response_to_a_post_is_bounded() {
    let long = format!(
        "HTTP/1.1 201 Created\r\ncontent-length: 100000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let server = Counting::start(&long).await;
    let client = allowing(&format!("http://{}", server.address)).max_response(10);
    let url = client.check(&server.url()).unwrap();
    let response = client
        .post(&url, HeaderMap::new(), Bytes::new())
        .await
        .unwrap();
    assert_eq!(
        (&response.body[..], response.is_complete),
        (&b"xxxxxxxxxx"[..], false)
    );
    // A head without an end is an error, and so is one that never comes.
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(200_000));
    let server = Counting::start(&endless).await;
    let client = allowing(&format!("http://{}", server.address));
    let error = post(&client, &server.url()).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Exchange { .. }), "{error}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let client = allowing(&address).timeout(Duration::from_millis(50));
    let error = post(&client, &address).await.unwrap_err();
    assert!(matches!(error, OutgoingError::TimedOut { .. }), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_destination_that_cannot_be_reached_is_worth_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = post(&allowing(&address), &address).await.unwrap_err();
    assert!(matches!(error, OutgoingError::Connect { .. }), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_socket_is_reached_in_an_allowed_folder_alone() {
    let root = crate::support::socket_path();
    let (inside, outside) = (root.join("inside"), root.join("outside"));
    for folder in [&inside, &outside] {
        std::fs::create_dir_all(folder.join("below")).unwrap();
    }
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    for socket in ["a.sock", "below/b.sock"] {
        for folder in [&inside, &outside] {
            let listener = UnixListener::bind(folder.join(socket)).unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    serve(stream, OK.into(), sender.clone()).await;
                }
            });
        }
    }
    std::fs::write(inside.join("file"), "").unwrap();
    std::os::unix::fs::symlink(outside.join("a.sock"), inside.join("link.sock")).unwrap();
    std::os::unix::fs::symlink(inside.join("a.sock"), inside.join("alias.sock")).unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("out")).unwrap();
    std::os::unix::fs::symlink(inside.join("below"), inside.join("in")).unwrap();
    let destinations = Destinations::new().allow_unix_folder(&inside).unwrap();
    let client = OutgoingClient::new(destinations);
    let inside = inside.to_str().unwrap();
    let escaped = inside.replace('/', "%2F");
    for (url, line) in [
        (format!("unix:{inside}/a.sock"), "POST / HTTP/1.1"),
        (format!("unix://{inside}/below/b.sock"), "POST / HTTP/1.1"),
        (format!("unix:{inside}/in/b.sock"), "POST / HTTP/1.1"),
        (
            format!("http+unix://{escaped}%2Fa.sock/p?q"),
            "POST /p?q HTTP/1.1",
        ),
    ] {
        assert_eq!(post(&client, &url).await.expect(&url), "hello");
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with(line), "{url}: {request}");
        assert!(request.contains("\r\nhost: localhost\r\n"), "{request}");
    }
    for name in [
        "link.sock",
        "alias.sock",
        "out/a.sock",
        "out/below/b.sock",
        "file",
    ] {
        let url = format!("unix:{inside}/{name}");
        let error = post(&client, &url).await.expect_err(&url);
        assert!(
            matches!(error, OutgoingError::SocketRefused { .. }),
            "{url}: {error}"
        );
        assert!(!error.is_transient());
    }
    let error = post(&client, &format!("unix:{inside}/none.sock"))
        .await
        .unwrap_err();
    assert!(matches!(error, OutgoingError::Connect { .. }), "{error}");
    assert!(
        requests.try_recv().is_err(),
        "something else was connected to"
    );
    std::fs::remove_dir_all(root).unwrap();
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn the_certificate_must_be_of_the_name_in_the_url() {
    use chirp::channel::{Channel, TlsCertificate, TlsClient, TlsServer};

    let authority = crate::certificates::Authority::new();
    let issued = authority.issue("localhost");
    let certificate = TlsCertificate::from_pem(&issued.chain, &issued.key).unwrap();
    let tls = TlsServer::new(&certificate).alpn(["http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(channel) = tls.wrap(Channel::io(stream)).await else {
                continue;
            };
            let (reader, writer) = channel.into_split();
            serve(tokio::io::join(reader, writer), OK.into(), sender.clone()).await;
        }
    });
    let destinations = Destinations::new()
        .allow(&format!("https://localhost:{port}"))
        .unwrap()
        .allow(&format!("https://other.example:{port}"))
        .unwrap()
        .allow_network("127.0.0.1")
        .unwrap();
    let client = OutgoingClient::new(destinations)
        .tls(TlsClient::new(&authority.roots()))
        .resolve_with(|_| async { Ok(vec!["127.0.0.1".parse().unwrap()]) });
    let url = format!("https://localhost:{port}/");
    assert_eq!(post(&client, &url).await.unwrap(), "hello");
    let request = requests.recv().await.unwrap();
    assert!(
        request.contains(&format!("\r\nhost: localhost:{port}\r\n")),
        "{request}"
    );
    let error = post(&client, &format!("https://other.example:{port}/"))
        .await
        .unwrap_err();
    assert!(matches!(error, OutgoingError::Connect { .. }), "{error}");
    let plain = format!("http://localhost:{port}/");
    assert!(matches!(
        client.check(&plain),
        Err(DestinationError::NotListed { .. })
    ));
}
