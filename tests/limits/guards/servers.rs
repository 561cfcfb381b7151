//! A server's hooks and listeners.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chirp::channel::{Channel, Endpoint, Incoming, Listener, memory};
use chirp::{AcceptError, Peer, PeerBuilder, Server};
use tokio::sync::{mpsc, oneshot};

use super::values::{Bombing, BombsServer};
use super::{Once, is_alive, soon};
use crate::support::echo;

/// A server whose hooks panic for the first connection, the errors it reported, and a way to end it.
struct Broken {
    address: Endpoint,
    told: mpsc::UnboundedReceiver<AcceptError>,
    ended: tokio::task::JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Broken {
    async fn start(server: chirp::ServerBuilder) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let server = server
            .handle("echo", echo)
            .on_accept_error(move |error| {
                let _ = tell.send(error.clone());
                panic!("on_accept_error");
            })
            .bind("tcp://127.0.0.1:0")
            .await
            .unwrap();
        Self::run(server, told)
    }

    fn run(server: Server, told: mpsc::UnboundedReceiver<AcceptError>) -> Self {
        let address = server.endpoint().clone();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(server.run_until(stopped));
        Self {
            address,
            told,
            ended,
            stop,
        }
    }

    /// Only the connection whose hook panics fails, and the server shuts down gracefully.
    async fn check(mut self, text: &str) {
        let first = soon(chirp::connect(self.address.clone())).await.unwrap();
        let told = soon(self.told.recv()).await.unwrap().to_string();
        assert!(told.contains(text), "{told}");
        soon(first.closed()).await;
        let second = soon(chirp::connect(self.address.clone())).await.unwrap();
        is_alive(&second).await;
        self.stop.send(()).unwrap();
        soon(self.ended).await.unwrap();
    }
}

#[tokio::test]
async fn on_connect() {
    let once = Once::default();
    let kept: Arc<Mutex<Vec<Peer>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let server = Server::builder().on_connect(move |connection| {
        keep.lock().unwrap().push(connection.peer.clone());
        once.panic("the hook");
    });
    Broken::start(server).await.check("the hook").await;
    // Calls on a connection that the hook kept do not wait forever.
    let first = kept.lock().unwrap()[0].clone();
    assert!(soon(first.call("m", ())).await.is_err());
}

#[tokio::test]
async fn service_and_route_factories() {
    let once = Once::default();
    let server = Server::builder().service_with(move |_| {
        once.panic("the service");
        BombsServer::new(Bombing)
    });
    Broken::start(server).await.check("the service").await;
    let once = Once::default();
    let server = Server::builder().routes_with(move |_, _| {
        once.panic("the routes");
        Ok(())
    });
    Broken::start(server).await.check("the routes").await;
}

#[tokio::test]
async fn handshakes() {
    for later in [false, true] {
        let once = Once::default();
        let server = Server::builder().handshake(move |channel| {
            let once = once.clone();
            if !later {
                once.panic("the handshake");
            }
            async move {
                once.panic("the handshake");
                Ok(channel)
            }
        });
        Broken::start(server).await.check("the handshake").await;
    }
}

#[cfg(feature = "websocket")]
#[tokio::test]
async fn authentication_of_websockets() {
    use chirp::websocket::WebSocket;

    for later in [false, true] {
        let once = Once::default();
        let socket = WebSocket::new().authenticate(move |_| {
            let once = once.clone();
            if !later {
                once.panic("the authentication");
            }
            async move {
                once.panic("the authentication");
                Ok(chirp::Identity::Account("ann".into()))
            }
        });
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::builder()
            .scheme("ws", socket)
            .handle("echo", echo)
            .on_accept_error(move |error| tell.send(error.to_string()).unwrap())
            .bind("ws://127.0.0.1:0/")
            .await
            .unwrap();
        let address = server.endpoint().clone();
        let running = tokio::spawn(server.run());
        let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
        soon(builder.connect(address.clone())).await.unwrap_err();
        let told = soon(told.recv()).await.unwrap();
        assert!(told.contains("the authentication"), "{told}");
        let second = soon(builder.connect(address)).await.unwrap();
        is_alive(&second).await;
        running.abort();
    }
}

/// `on_accept_error` panics in the tests of the other hooks as well.
#[tokio::test]
async fn on_accept_error_and_on_disconnect() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::builder()
        .handle("echo", echo)
        .on_disconnect(move |connection, _| {
            tell.send(connection.number).unwrap();
            panic!("on_disconnect");
        })
        .bind("tcp://127.0.0.1:0")
        .await
        .unwrap();
    let handle = server.handle();
    let broken = Broken::run(server, mpsc::unbounded_channel().1);
    for number in 1..=3 {
        let peer = soon(chirp::connect(broken.address.clone())).await.unwrap();
        is_alive(&peer).await;
        peer.close();
        assert_eq!(soon(told.recv()).await, Some(number));
    }
    while !handle.connections().is_empty() {
        tokio::task::yield_now().await;
    }
    broken.stop.send(()).unwrap();
    soon(broken.ended).await.unwrap();
}

/// A scripted listener: its first results, and the connections that follow.
struct ByHand {
    endpoint: Endpoint,
    asked: usize,
    given: mpsc::UnboundedReceiver<Channel>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        panic!("the drop of a listener");
    }
}

#[async_trait::async_trait]
impl Listener for ByHand {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        unreachable!("a server asks for what is yet to become a channel")
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        self.asked += 1;
        match self.asked {
            1 => panic!("the listener"),
            2 => Ok(Some(Incoming::unfinished(None, async {
                panic!("what is yet to become a channel")
            }))),
            _ => Ok(self.given.recv().await.map(Incoming::from)),
        }
    }
}

#[tokio::test]
async fn listeners() {
    let (give, given) = mpsc::unbounded_channel();
    let dropped = Arc::new(AtomicUsize::new(0));
    let listener = ByHand {
        endpoint: "inproc://by hand".parse().unwrap(),
        asked: 0,
        given,
        dropped: Arc::clone(&dropped),
    };
    let (tell, told) = mpsc::unbounded_channel();
    let server = Server::builder()
        .handle("echo", echo)
        .on_accept_error(move |error| tell.send(error.to_string()).unwrap())
        .listen(Box::new(listener));
    let mut told = told;
    let broken = Broken::run(server, mpsc::unbounded_channel().1);
    for text in ["the listener", "what is yet to become a channel"] {
        let error = soon(told.recv()).await.unwrap();
        assert!(error.contains(text), "{error}");
    }
    let (ours, theirs) = memory();
    give.send(theirs).unwrap();
    let peer = PeerBuilder::new().start(ours).unwrap();
    is_alive(&peer).await;
    broken.stop.send(()).unwrap();
    soon(broken.ended).await.unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn key_policies() {
    use chirp::channel::{KeyPolicy, Keypair, TlsClient, TlsServer};
    let once = Once::default();
    let (server, client) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let admission = KeyPolicy::by(move |_| {
        once.panic("the admission");
        true
    });
    let tls = TlsServer::keys(&server, admission);
    let running = Server::builder()
        .handle("echo", echo)
        .tls(tls)
        .bind("tls://127.0.0.1:0")
        .await
        .unwrap();
    let broken = Broken::run(running, mpsc::unbounded_channel().1);
    let dials = PeerBuilder::new().tls(TlsClient::keys(&client, server.public()));
    let refused = soon(dials.connect(broken.address.clone())).await;
    assert!(refused.is_err());
    let peer = soon(dials.connect(broken.address.clone())).await.unwrap();
    is_alive(&peer).await;
    broken.stop.send(()).unwrap();
    soon(broken.ended).await.unwrap();
}
