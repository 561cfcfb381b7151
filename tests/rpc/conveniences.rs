//! Conversions, comparisons and small accessors of the public interface.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chirp::packet::FrameworkError;
use chirp::stream::channel;
use chirp::{
    AcceptError, CallContext, CallError, Caller, ConnectionError, Endpoint, KeepAlive, MethodError,
    PeerBuilder, Receiver, Router, Server, StreamError,
};
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::sync::mpsc;

#[test]
fn addresses_of_the_standard_library_are_endpoints() {
    for (address, text) in [
        ("127.0.0.1:9000", "tcp://127.0.0.1:9000"),
        ("[::1]:9000", "tcp://[::1]:9000"),
        ("[fe80::1%3]:9000", "tcp://[fe80::1%253]:9000"),
    ] {
        let address: std::net::SocketAddr = address.parse().expect("an address");
        assert_eq!(Endpoint::from(address).to_string(), text);
    }
    let path = Path::new("/run/shop.sock");
    assert_eq!(Endpoint::from(path).to_string(), "unix:///run/shop.sock");
    assert_eq!(Endpoint::from(path.to_owned()), Endpoint::from(path));
}

#[tokio::test]
async fn a_socket_address_and_a_path_are_given_as_they_are() {
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::builder().bind(any).await.expect("bound");
    tokio::spawn(server.run());
    let nowhere = PeerBuilder::new()
        .connect(Path::new("/nonexistent/shop.sock"))
        .await;
    let text = nowhere.expect_err("nobody is there").to_string();
    assert!(text.contains("unix:///nonexistent/shop.sock"), "{text}");
}

#[test]
fn errors_can_be_compared() {
    let io = |kind, text| ConnectionError::Channel(Arc::new(io::Error::new(kind, text)));
    let reset = io(io::ErrorKind::ConnectionReset, "reset");
    assert_eq!(reset, io(io::ErrorKind::ConnectionReset, "reset"));
    assert_ne!(reset, io(io::ErrorKind::ConnectionAborted, "reset"));
    assert_ne!(reset, io(io::ErrorKind::ConnectionReset, "abort"));
    assert_ne!(ConnectionError::ClosedHere, ConnectionError::ClosedByPeer);
    let lost = |reason| MethodError::<String>::Call(CallError::ConnectionLost(reason));
    assert_eq!(lost(reset.clone()), lost(reset.clone()));
    assert_ne!(lost(reset), lost(ConnectionError::ClosedHere));
    assert_ne!(
        MethodError::Handler("a".to_owned()),
        MethodError::Handler("b".to_owned())
    );
    assert_eq!(StreamError::Cancelled, StreamError::Cancelled);
}

#[test]
fn keep_alive_has_a_default() {
    let default = KeepAlive::default();
    assert_eq!(
        (default.interval.as_secs(), default.timeout.as_secs()),
        (15, 5)
    );
}

#[chirp::service]
trait Host {
    async fn name(&self) -> String;
}

impl Host for &'static str {
    async fn name(&self) -> String {
        (*self).to_owned()
    }
}

#[chirp::service]
trait Plugin {
    async fn host(&self, cx: &CallContext) -> Result<String, CallError>;
    async fn sum(&self, numbers: Receiver<u64>) -> Result<u64, StreamError>;
}

struct Greeter;

impl Plugin for Greeter {
    async fn host(&self, cx: &CallContext) -> Result<String, CallError> {
        HostClient::new(cx.caller()).name().await
    }
    async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, StreamError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }
}

/// What a plugin calls back can be tested without a connection.
#[tokio::test]
async fn a_local_client_has_somebody_to_call_back() {
    let mut router = Router::default();
    chirp::Service::register(HostServer::new("host"), &mut router).expect("no duplicates");
    let plugin = PluginClient::local_with(Greeter, &Caller::local(router));
    assert_eq!(plugin.host().await, Ok("host".to_owned()));
    let alone = PluginClient::local(Greeter).host().await;
    assert!(alone.is_err(), "{alone:?}");
}

/// A method that reads a stream fails with `?` when the stream does.
#[tokio::test]
async fn a_stream_error_is_an_error_of_a_method() {
    let plugin = PluginClient::local(Greeter);
    let (mut sender, numbers) = channel();
    let sum = plugin.sum(numbers).start();
    sender.send(1).await.expect("taken");
    sender.fail("out of numbers");
    let Err(MethodError::Handler(StreamError::Failed(error))) = sum.await else {
        panic!("the stream failed");
    };
    assert_eq!(error.message, "out of numbers");
}

async fn feed(mut sink: impl Sink<u64, Error = StreamError> + Unpin, numbers: u64) {
    for number in 0..numbers {
        poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx))
            .await
            .expect("room");
        Pin::new(&mut sink).start_send(number).expect("sent");
    }
    poll_fn(|cx| Pin::new(&mut sink).poll_close(cx))
        .await
        .expect("closed");
    // Closing again changes nothing, and nothing follows.
    poll_fn(|cx| Pin::new(&mut sink).poll_close(cx))
        .await
        .expect("closed");
    assert_eq!(
        Pin::new(&mut sink).start_send(1),
        Err(StreamError::Finished)
    );
}

#[chirp::service]
trait Numbers {
    async fn fill(&self, sender: chirp::Sender<u64>, count: u64);
}

struct Filler;

impl Numbers for Filler {
    async fn fill(&self, sender: chirp::Sender<u64>, count: u64) {
        feed(sender, count).await;
    }
}

/// More than fit into a channel at once, in this process and over a connection.
#[tokio::test]
async fn a_sender_is_a_sink() {
    const MANY: u64 = 20_000;
    let (sender, mut receiver) = channel();
    tokio::spawn(feed(sender, 100));
    let mut next = 0;
    while let Some(number) = receiver.recv().await {
        assert_eq!(number, Ok(next));
        next += 1;
    }
    assert_eq!(next, 100);

    let (a, b) = chirp::channel::memory();
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    let serving = PeerBuilder::new().service(NumbersServer::new(Filler));
    let _b = serving.start(b).expect("no duplicates");
    let (sender, mut receiver) = channel();
    let filling = NumbersClient::new(&a).fill(sender, MANY).start();
    assert!(!receiver.is_terminated());
    for number in 0..MANY {
        assert_eq!(receiver.recv().await, Some(Ok(number)));
    }
    assert_eq!(
        poll_fn(|cx| Pin::new(&mut receiver).poll_next(cx)).await,
        None
    );
    assert!(receiver.is_terminated());
    filling.await.expect("filled");
}

#[chirp::service]
trait Watch {
    async fn number(&self, cx: &CallContext) -> Option<u64>;
    async fn running(&self, cx: &CallContext) -> Option<usize>;
    async fn until_it_drains(&self, cx: &CallContext) -> String;
}

struct Watcher(mpsc::Sender<()>);

impl Watch for Watcher {
    async fn number(&self, cx: &CallContext) -> Option<u64> {
        cx.connection_number()
    }
    async fn running(&self, cx: &CallContext) -> Option<usize> {
        cx.connection_stats().map(|stats| stats.running)
    }
    async fn until_it_drains(&self, cx: &CallContext) -> String {
        self.0.send(()).await.expect("the test lives");
        cx.draining().await;
        "drained".to_owned()
    }
}

#[tokio::test]
async fn a_handler_knows_its_connection_and_is_told_that_it_drains() {
    let (begun, mut has_begun) = mpsc::channel(1);
    let server = Server::builder()
        .service(WatchServer::new(Watcher(begun.clone())))
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let address = server.endpoint().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(stopped));
    for number in 1..=2 {
        let peer = chirp::connect(&address).await.expect("connected");
        let watch = WatchClient::new(&peer);
        assert_eq!(watch.number().await.expect("answered"), Some(number));
        assert_eq!(watch.running().await.expect("answered"), Some(1));
    }
    let peer = chirp::connect(&address).await.expect("connected");
    let waiting = WatchClient::new(&peer).until_it_drains().start();
    has_begun.recv().await.expect("it has begun");
    stop.send(()).expect("it runs");
    assert_eq!(waiting.await.expect("answered"), "drained");
    drop(peer);
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .expect("it ends")
        .expect("no panic");

    let local = WatchClient::local(Watcher(begun));
    assert_eq!(local.number().await.expect("answered"), None);
    assert_eq!(local.running().await.expect("answered"), None);
}

/// Two services of one name that are made for each connection: the client is told by the answer to its call, and the
/// server by an error with a type.
#[tokio::test]
async fn names_in_conflict_on_a_connection_are_told_to_both_sides() {
    let (errors, mut reported) = mpsc::unbounded_channel();
    let server = Server::builder()
        .service(HostServer::new("one"))
        .service_with(|_| HostServer::new("two"))
        .on_accept_error(move |error| errors.send(error.clone()).expect("the test lives"))
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let address = server.endpoint().clone();
    tokio::spawn(server.run());
    let peer = chirp::connect(&address).await.expect("connected");
    let error = HostClient::new(&peer).name().await.expect_err("not served");
    let CallError::Rejected {
        reason, message, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*reason, FrameworkError::Unsupported);
    assert!(message.contains("names in conflict"), "{message}");
    let reported = reported.recv().await.expect("reported");
    assert!(
        matches!(reported, AcceptError::Duplicate(_)),
        "{reported:?}"
    );
    assert!(reported.to_string().contains("Host.name"), "{reported}");
}
