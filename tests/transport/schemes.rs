//! Addresses whose schemes are registered with builders.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chirp::channel::{Channel, Listener, OtherAddress, Scheme};
use chirp::{
    AddressList, AsCaller, BalancedConfig, ConnectError, Endpoint, Node, NodeError, PeerBuilder,
    Server, connect, connect_any,
};

use crate::support::{echo, in_time, socket_path};

/// `toy://name` is `inproc://toy name`. Counts the connections.
#[derive(Clone, Default)]
struct Toy {
    connected: Arc<AtomicUsize>,
    is_hidden: bool,
}

impl Toy {
    fn count(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }
}

fn inner(address: &OtherAddress) -> Endpoint {
    Endpoint::Inproc(format!("toy {}", address.rest()))
}

#[async_trait]
impl Scheme for Toy {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        let (reader, writer) = inner(address).connect().await?.into_split();
        self.connected.fetch_add(1, Ordering::Relaxed);
        Ok(Channel::new(reader, writer))
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(ToyListener {
            inner: inner(address).listen().await?,
            endpoint: Endpoint::Other(address.clone()),
        }))
    }

    fn is_discoverable(&self) -> bool {
        !self.is_hidden
    }
}

struct ToyListener {
    inner: Box<dyn Listener>,
    endpoint: Endpoint,
}

#[async_trait]
impl Listener for ToyListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        self.inner.accept().await
    }
}

fn address() -> String {
    format!("toy://{}", socket_path().display())
}

async fn server(address: &str) -> Server {
    let server = Server::builder().handle("echo", echo);
    server
        .scheme("toy", Toy::default())
        .bind(address)
        .await
        .unwrap()
}

#[tokio::test]
async fn several_schemes_are_registered_at_once() {
    let toy = Toy::default();
    let schemes =
        || ["toy", "doll"].map(|name| (name.to_owned(), Arc::new(toy.clone()) as Arc<dyn Scheme>));
    let address = address();
    let server = Server::builder().handle("echo", echo).schemes(schemes());
    let server = server.bind(&address).await.unwrap();
    let running = tokio::spawn(server.run());
    let doll = address.replace("toy:", "doll:");
    for builder in [
        PeerBuilder::new().schemes(schemes()),
        PeerBuilder::new().schemes(schemes().into_iter().skip(1)),
    ] {
        let peer = in_time(builder.connect(&doll)).await.unwrap();
        assert_eq!(peer.call("echo", "x").await.unwrap(), "x");
    }
    assert_eq!(toy.count(), 2);
    let invalid = [("1", Arc::new(toy.clone()) as Arc<dyn Scheme>)];
    let builder = PeerBuilder::new().schemes(schemes()).schemes(invalid);
    let error = builder.connect(&doll).await.unwrap_err();
    assert!(
        error.to_string().contains("\"1\" cannot be registered"),
        "{error}"
    );
    running.abort();
}

#[tokio::test]
async fn a_registered_scheme_connects_and_listens() {
    let (toy, address) = (Toy::default(), address());
    let server = server(&address).await;
    assert_eq!(server.endpoint().to_string(), address);
    let running = tokio::spawn(server.run());
    let builder = PeerBuilder::new().scheme("toy", toy.clone());
    let peer = in_time(builder.connect(&address)).await.unwrap();
    assert_eq!(peer.call("echo", "x").await.unwrap(), "x");
    // The channel had no address of its own.
    assert_eq!(peer.remote(), Some(&address.parse().unwrap()));
    // A scheme is written in upper or lower case.
    let upper = address.replace("toy:", "TOY:");
    let peer = in_time(builder.connect(&upper)).await.unwrap();
    assert_eq!(peer.call("echo", "y").await.unwrap(), "y");
    assert_eq!(toy.count(), 2);
    running.abort();
}

#[tokio::test]
async fn one_server_binds_addresses_of_several_kinds() {
    let (one, other) = (address(), address());
    let server = server(&one).await.also_bind(&other).await.unwrap();
    let server = server.also_bind("tcp://127.0.0.1:0").await.unwrap();
    let addresses: Vec<_> = server.endpoints().map(ToString::to_string).collect();
    assert_eq!(addresses[..2], [one, other]);
    let running = tokio::spawn(server.run());
    let builder = PeerBuilder::new().scheme("Toy", Toy::default());
    for address in addresses {
        let peer = in_time(builder.connect(&address)).await.unwrap();
        assert_eq!(peer.call("echo", "x").await.unwrap(), "x");
    }
    running.abort();
}

#[tokio::test]
async fn reconnecting_and_balanced_clients_use_registered_schemes() {
    let (toy, one, other) = (Toy::default(), address(), address());
    let server = server(&one).await.also_bind(&other).await.unwrap();
    let running = tokio::spawn(server.run());
    let builder = PeerBuilder::new().scheme("toy", toy.clone());
    let link = builder.reconnecting(&one).unwrap();
    assert_eq!(
        in_time(link.as_caller().call("echo", "x")).await.unwrap(),
        "x"
    );
    let first = in_time(link.ready()).await.unwrap();
    first.close();
    assert_eq!(
        in_time(link.as_caller().call("echo", "y")).await.unwrap(),
        "y"
    );
    assert_eq!(toy.count(), 2);

    let balanced = builder.connect_any([&one], BalancedConfig::default());
    let balanced = balanced.unwrap();
    assert_eq!(balanced.add(&other), Ok(true));
    let mut states = balanced.watch();
    let both = states.wait_for(|state| state.connected() == 2);
    in_time(both).await.unwrap();
    assert_eq!(
        in_time(balanced.as_caller().call("echo", "z"))
            .await
            .unwrap(),
        "z"
    );
    balanced.add("yot://x").unwrap_err();
    balanced.set_addresses(["yot://x"]).unwrap_err();
    assert_eq!(balanced.state().addresses().len(), 2);
    running.abort();
}

#[tokio::test]
async fn nodes_use_registered_schemes() {
    let (one, other) = (address(), address());
    let alpha = Node::builder("alpha")
        .scheme("toy", Toy::default())
        .listen(&one)
        .start();
    let alpha = alpha.await.unwrap();
    alpha.listen(&other).await.unwrap();
    assert_eq!(alpha.addresses().len(), 2);
    let list = AddressList::new();
    list.set("alpha", [&other]).unwrap();
    for (hidden, listed) in [(false, true), (true, false)] {
        let (dialled, found) = (Toy::default(), Toy::default());
        let beta = Node::builder("beta")
            .scheme("toy", dialled.clone())
            .connect("alpha", &one)
            .start();
        let beta = beta.await.unwrap();
        in_time(beta.peer("alpha").ready()).await.unwrap();
        assert_eq!(dialled.count(), 1);
        let gamma = Node::builder("gamma")
            .scheme(
                "toy",
                Toy {
                    is_hidden: hidden,
                    ..found.clone()
                },
            )
            .discovery(list.clone())
            .start();
        let gamma = gamma.await.unwrap();
        if listed {
            in_time(gamma.peer("alpha").ready()).await.unwrap();
            assert_eq!(found.count(), 1);
        } else {
            // What a discovery knows from the beginning is known after the start.
            assert_eq!(gamma.peer("alpha").info().addresses, []);
        }
        in_time(gamma.shutdown(Duration::from_secs(1))).await;
        in_time(beta.shutdown(Duration::from_secs(1))).await;
    }
    // A discovery's addresses of unknown schemes are ignored.
    let gamma = Node::builder("gamma")
        .discovery(list)
        .start()
        .await
        .unwrap();
    assert_eq!(gamma.peer("alpha").info().addresses, []);
}

/// The error says which schemes there are, and where others are registered.
#[tokio::test]
async fn an_unknown_scheme_is_an_error_where_the_address_is_used() {
    const ADDRESS: &str = "yot://x:80/";
    let error = connect(ADDRESS).await.unwrap_err();
    assert!(matches!(error, ConnectError::Endpoint(_)), "{error:?}");
    let expected = "unknown scheme `yot` of the address `yot://x:80/`: known are tcp, tls, unix, inproc, exec, stdio, \
                    fd; register others with `.scheme(\"yot\", ..)`, and write unix:///path for a path that contains \
                    a scheme";
    assert_eq!(error.to_string(), expected);
    let builder = PeerBuilder::new().scheme("toy", Toy::default());
    let known = expected.replace("fd;", "fd, toy;");
    let errors = [
        builder.connect(ADDRESS).await.unwrap_err().to_string(),
        builder.reconnecting(ADDRESS).unwrap_err().to_string(),
        builder
            .connect_any([ADDRESS], BalancedConfig::default())
            .unwrap_err()
            .to_string(),
    ];
    assert_eq!(errors, [(); 3].map(|()| known.clone()));
    assert_eq!(connect_any([ADDRESS]).unwrap_err().to_string(), expected);
    let error = Server::builder().bind(ADDRESS).await.unwrap_err();
    assert!(matches!(error, ConnectError::Endpoint(_)), "{error:?}");

    let error = Node::builder("a")
        .listen(ADDRESS)
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, NodeError::Endpoint(_)), "{error:?}");
    let dials = Node::builder("a").connect("b", ADDRESS).start();
    assert!(matches!(dials.await, Err(NodeError::Endpoint(_))));
    let node = Node::builder("a").start().await.unwrap();
    node.connect("b", ADDRESS).unwrap_err();
    node.listen(ADDRESS).await.unwrap_err();

    let endpoint: Endpoint = ADDRESS.parse().unwrap();
    let error = endpoint.connect().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert_eq!(error.to_string(), expected);
    let error = endpoint.listen().await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn names_that_are_built_in_or_invalid_cannot_be_registered() {
    for (name, why) in [
        ("tcp", "built in"),
        ("TLS", "built in"),
        ("exec", "built in"),
        ("", "a letter, followed by"),
        ("1st", "a letter, followed by"),
        ("a_b", "a letter, followed by"),
        ("a://", "a letter, followed by"),
    ] {
        // The first error is kept, whatever is registered later and used.
        let builder = PeerBuilder::new().scheme(name, Toy::default());
        let builder = builder.scheme("toy", Toy::default());
        let errors = [
            builder.connect("inproc://x").await.unwrap_err().to_string(),
            builder.reconnecting("inproc://x").unwrap_err().to_string(),
            Server::builder()
                .scheme(name, Toy::default())
                .bind("inproc://x")
                .await
                .unwrap_err()
                .to_string(),
            Node::builder("a")
                .scheme(name, Toy::default())
                .listen("inproc://x")
                .start()
                .await
                .unwrap_err()
                .to_string(),
        ];
        for error in errors {
            assert!(error.contains(&format!("scheme {name:?}")), "{error}");
            assert!(error.contains(why), "{error}");
        }
    }
}

/// Neither connects nor listens.
struct Neither;
impl Scheme for Neither {}

#[tokio::test]
async fn a_scheme_may_support_one_direction() {
    let builder = PeerBuilder::new().scheme("none", Neither);
    let error = builder.connect("none://x").await;
    let error = error.unwrap_err();
    assert!(
        matches!(&error, ConnectError::Io(error) if error.kind() == io::ErrorKind::Unsupported)
    );
    assert_eq!(
        error.to_string(),
        "cannot connect to none://x: addresses of the scheme `none` cannot be connected to"
    );
    let error = Server::builder().scheme("none", Neither).bind("none://x");
    assert_eq!(
        error.await.unwrap_err().to_string(),
        "cannot listen on none://x: addresses of the scheme `none` cannot be listened on"
    );
}

/// Never connects.
struct Stuck;

#[async_trait]
impl Scheme for Stuck {
    async fn connect(&self, _: &OtherAddress) -> io::Result<Channel> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn connecting_by_a_scheme_has_a_time_limit() {
    let builder = PeerBuilder::new().scheme("stuck", Stuck);
    let builder = builder.connect_timeout(Duration::from_secs(3));
    let error = builder.connect("stuck://x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot connect to stuck://x: no answer in 3s"
    );
}
