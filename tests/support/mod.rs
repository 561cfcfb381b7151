//! Shared by the integration tests: pairs of peers over each kind of channel, and raw packets.
#![allow(
    dead_code,
    clippy::unused_async,
    reason = "each test file takes what it needs"
)]

#[path = "../../examples/channel.rs"]
#[allow(unreachable_pub, reason = "the example is a program of its own")]
pub(crate) mod line;
pub(crate) mod proxy;

use bytes::Bytes;
use chirp::channel::{Channel, Endpoint, memory, pipes};
use chirp::packet::{ErrorData, PacketType};
use chirp::{ConnectionStats, Peer, PeerBuilder, Request};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// How two peers are connected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Link {
    Memory,
    Inproc,
    Tcp,
    Unix,
    Abstract,
    Pipes,
    /// Memory, with a delay.
    Slow,
    /// Memory, with a proxy between.
    Proxied,
    /// Memory, with a key at each end.
    #[cfg(feature = "tls")]
    Tls,
    /// TCP, with a WebSocket in it.
    #[cfg(feature = "websocket")]
    WebSocket,
}

/// The kinds of channels that need a feature.
const OPTIONAL_LINKS: usize = cfg!(feature = "tls") as usize + cfg!(feature = "websocket") as usize;

/// Every kind of channel. Tests of peers run over each of them.
pub(crate) const LINKS: [Link; 7 + OPTIONAL_LINKS] = [
    Link::Memory,
    Link::Inproc,
    Link::Tcp,
    Link::Unix,
    Link::Abstract,
    Link::Pipes,
    Link::Slow,
    #[cfg(feature = "tls")]
    Link::Tls,
    #[cfg(feature = "websocket")]
    Link::WebSocket,
];

/// Every kind of channel, and a proxy that forwards calls in both directions.
pub(crate) const LINKS_AND_PROXY: [Link; 8 + OPTIONAL_LINKS] = [
    Link::Memory,
    Link::Inproc,
    Link::Tcp,
    Link::Unix,
    Link::Abstract,
    Link::Pipes,
    Link::Slow,
    Link::Proxied,
    #[cfg(feature = "tls")]
    Link::Tls,
    #[cfg(feature = "websocket")]
    Link::WebSocket,
];

/// The two ends of a new channel.
pub(crate) async fn channels(link: Link) -> (Channel, Channel) {
    let path = socket_path();
    let address = match link {
        Link::Memory => return memory(),
        Link::Pipes => {
            let (channel, ends) = pipes().expect("pipes");
            let other = Channel::from_pipes(ends.read, ends.write);
            return (channel, other.expect("pipes"));
        }
        Link::Slow => {
            let slow = line::Line {
                delay: Duration::from_millis(1),
                bytes: usize::MAX,
                cut: false,
            };
            let (one, other) = memory();
            return (line::over(slow, one), line::over(slow, other));
        }
        Link::Proxied => return proxy::proxied(),
        #[cfg(feature = "tls")]
        Link::Tls => return over_tls(memory()).await,
        #[cfg(feature = "websocket")]
        Link::WebSocket => return over_websocket().await,
        // The path is unique; here it is only a name.
        Link::Inproc => format!("inproc://{}", path.display()),
        Link::Abstract => format!("unix://@{}", path.display()),
        Link::Tcp => "tcp://127.0.0.1:0".to_owned(),
        Link::Unix => format!("unix://{}", path.display()),
    };
    let endpoint: Endpoint = address.parse().expect("an address");
    let mut listener = endpoint.listen().await.expect("a listener");
    let endpoint = listener.endpoint().clone();
    let (left, right) = tokio::join!(endpoint.connect(), listener.accept());
    (left.expect("a connection"), right.expect("a connection"))
}

/// Both ends of a channel after a TLS handshake with raw public keys.
#[cfg(feature = "tls")]
pub(crate) async fn over_tls((one, other): (Channel, Channel)) -> (Channel, Channel) {
    use chirp::channel::{Keypair, TlsClient, TlsServer};

    let key = || Keypair::generate().expect("a key");
    let (here, there) = (key(), key());
    let client = TlsClient::keys(&here, there.public());
    let server = TlsServer::keys(&there, here.public());
    let (one, other) = tokio::join!(client.wrap(one, ""), server.wrap(other));
    (one.expect("admitted"), other.expect("admitted"))
}

/// Both ends of a WebSocket.
#[cfg(feature = "websocket")]
async fn over_websocket() -> (Channel, Channel) {
    use chirp::channel::Scheme;
    use chirp::websocket::WebSocket;

    let other = |text: &str| match text.parse() {
        Ok(Endpoint::Other(address)) => address,
        parsed => panic!("{text} is {parsed:?}"),
    };
    let socket = WebSocket::new();
    let address = other("ws://127.0.0.1:0/chirp");
    let mut listener = socket.listen(&address).await.expect("a listener");
    let address = other(&listener.endpoint().to_string());
    let (left, right) = tokio::join!(socket.connect(&address), listener.accept());
    (left.expect("a connection"), right.expect("a connection"))
}

/// Two peers, connected.
pub(crate) async fn connected(link: Link, left: &PeerBuilder, right: &PeerBuilder) -> (Peer, Peer) {
    let (one, other) = channels(link).await;
    start(left, right, one, other)
}

/// Two peers, connected through memory.
pub(crate) fn pair(left: &PeerBuilder, right: &PeerBuilder) -> (Peer, Peer) {
    let (one, other) = memory();
    start(left, right, one, other)
}

/// Two peers, connected through memory that holds `capacity` bytes in each direction.
pub(crate) fn narrow(left: &PeerBuilder, right: &PeerBuilder, capacity: usize) -> (Peer, Peer) {
    let (one, other) = tokio::io::duplex(capacity);
    start(left, right, Channel::io(one), Channel::io(other))
}

/// Two peers, connected through a proxy; and the peers of the proxy.
pub(crate) fn connected_by_proxy(left: &PeerBuilder, right: &PeerBuilder) -> [Peer; 4] {
    let ((one, other), [near, far]) = proxy::proxied_by();
    let (left, right) = start(left, right, one, other);
    [left, near, far, right]
}

fn start(left: &PeerBuilder, right: &PeerBuilder, one: Channel, other: Channel) -> (Peer, Peer) {
    let left = left.start(one).expect("no duplicates");
    let right = right.start(other).expect("no duplicates");
    (left, right)
}

/// A path for a Unix socket that no other test uses.
pub(crate) fn socket_path() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("chirp-{}-{number}.sock", std::process::id()))
}

/// A handler that returns its parameters.
pub(crate) async fn echo(request: Request) -> Result<Bytes, ErrorData> {
    Ok(request.into_params())
}

/// Waits until a peer's stats are all zero.
pub(crate) async fn idle(peer: &Peer) {
    while peer.stats() != ConnectionStats::default() {
        tokio::task::yield_now().await;
    }
}

/// Sends a message when it is dropped.
pub(crate) struct DropFlag(pub(crate) mpsc::UnboundedSender<()>);

impl DropFlag {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }
}

impl Drop for DropFlag {
    fn drop(&mut self) {
        // The receiver may be gone.
        let _ = self.0.send(());
    }
}

/// A packet, from its type and its payload.
pub(crate) fn packet(kind: PacketType, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xC7, 0];
    packet.extend(kind.0.to_be_bytes());
    let len = u32::try_from(payload.len()).expect("a small payload");
    packet.extend(len.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A Request, as bytes.
pub(crate) fn request(id: u32, method: &str, params: &[u8]) -> Vec<u8> {
    let mut payload = id.to_be_bytes().to_vec();
    payload.push(u8::try_from(method.len()).expect("a short name"));
    payload.extend(method.as_bytes());
    payload.extend(params);
    packet(PacketType::REQUEST, &payload)
}

/// A Response, as bytes.
pub(crate) fn response(id: u32, code: u8, data: &[u8]) -> Vec<u8> {
    let mut payload = id.to_be_bytes().to_vec();
    payload.push(code);
    payload.extend(data);
    packet(PacketType::RESPONSE, &payload)
}

/// A Cancel, as bytes.
pub(crate) fn cancel(id: u32) -> Vec<u8> {
    packet(PacketType::CANCEL, &id.to_be_bytes())
}

/// Reads the next packet's type and payload. Returns `None` at the end.
pub(crate) async fn read_packet(
    io: &mut (impl AsyncRead + Unpin),
) -> Option<(PacketType, Vec<u8>)> {
    let mut head = [0; 8];
    io.read_exact(&mut head).await.ok()?;
    let [0xC7, 0, high, low, len @ ..] = head else {
        panic!("not a packet of Chirp v0: {head:?}")
    };
    let mut payload = vec![0; u32::from_be_bytes(len) as usize];
    io.read_exact(&mut payload).await.expect("a whole payload");
    Some((PacketType(u16::from_be_bytes([high, low])), payload))
}

/// Reads the next packet, which must be a Response. Returns its id, code and data.
pub(crate) async fn read_response(io: &mut (impl AsyncRead + Unpin)) -> (u32, u8, Vec<u8>) {
    let (kind, payload) = read_packet(io).await.expect("a packet");
    assert_eq!(kind, PacketType::RESPONSE);
    let (id, rest) = payload.split_first_chunk().expect("an id");
    (u32::from_be_bytes(*id), rest[0], rest[1..].to_vec())
}

/// Polls a future once with this task's waker. Returns whether it is pending.
pub(crate) async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// A test that takes longer hangs.
const HANGS: Duration = Duration::from_mins(1);

/// Awaits a future, and fails after a minute.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(HANGS, future).await;
    done.expect("nobody waits forever")
}

/// Runs a test on a runtime of one thread, and on one of two.
pub(crate) fn on_both_runtimes(test: impl AsyncFn()) {
    let mut one = Builder::new_current_thread();
    let mut two = Builder::new_multi_thread();
    for builder in [&mut one, two.worker_threads(2)] {
        let runtime = builder.enable_all().build().expect("a runtime");
        runtime.block_on(test());
    }
}
