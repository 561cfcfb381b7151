//! What errors say: which call, at which peer, and what the likely reason is.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chirp::packet::{FrameworkError, PacketError};
use chirp::{
    AcceptError, CallError, Caller, ConnectionError, MethodError, PeerBuilder, Request, Server,
    StreamError,
};
use tokio::io::AsyncWriteExt as _;

#[chirp::service]
trait Shop {
    async fn look(&self, id: u32) -> String;
    async fn pay(&self, amount: u64) -> Result<u32, String>;
}

/// The shop as another version of the program has it.
mod other {
    #[chirp::service]
    pub(super) trait Shop {
        async fn look(&self, id: String) -> u64;
        async fn pay(&self, amount: String) -> Result<u32, String>;
    }

    pub(super) struct Counter;

    impl Shop for Counter {
        async fn look(&self, id: String) -> u64 {
            u64::MAX - id.len() as u64
        }
        async fn pay(&self, _: String) -> Result<u32, String> {
            Ok(1)
        }
    }
}

async fn served(builder: chirp::ServerBuilder) -> String {
    let server = builder.bind("tcp://127.0.0.1:0").await.expect("bound");
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    address
}

/// An error of the framework's names the method and the address.
#[tokio::test]
async fn errors_name_their_method_and_their_peer() {
    let slow = |_: Request| std::future::pending::<Result<(), String>>();
    let busy = |_: Request| async { FrameworkError::Overloaded };
    let peers = PeerBuilder::new()
        .handle("Shop.slow", slow)
        .handle("Shop.busy", busy);
    let address = served(Server::builder().configure_peers(|_| peers)).await;
    let peer = chirp::connect(&address).await.expect("connected");

    let unknown = peer.call("Shop.pay", "").await.expect_err("unknown");
    assert_eq!(
        unknown.to_string(),
        format!("unknown method \"Shop.pay\" at {address}")
    );
    let CallError::UnknownMethod { site } = &unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(
        site.method().map(ToString::to_string).as_deref(),
        Some("Shop.pay")
    );
    assert_eq!(site.peer(), peer.remote());

    let refused = peer.call("Shop.busy", "").await.expect_err("refused");
    assert_eq!(
        refused.to_string(),
        format!("\"Shop.busy\" at {address}: busy: too many calls are running")
    );
    let late = peer
        .call("Shop.slow", "")
        .timeout(Duration::from_millis(1))
        .await;
    assert_eq!(
        late.expect_err("late").to_string(),
        format!("deadline exceeded: \"Shop.slow\" at {address}")
    );
}

/// A call in this process has no address to name.
#[tokio::test]
async fn errors_of_calls_in_this_process_name_their_method() {
    let nothing = Caller::local(chirp::Router::default());
    let unknown = nothing.call("Shop.pay", "").await.expect_err("unknown");
    assert_eq!(unknown.to_string(), "unknown method \"Shop.pay\"");
}

/// Where two sides define a method differently, the error says what could not be decoded and as what.
#[tokio::test]
async fn a_decode_error_names_the_argument_the_type_and_the_likely_reason() {
    let address = served(Server::builder().service(other::ShopServer::new(other::Counter))).await;
    let peer = chirp::connect(&address).await.expect("connected");
    let shop = ShopClient::new(&peer);
    let hint = "the two sides probably define the method differently";

    let Err(MethodError::Call(arguments)) = shop.pay(300).await else {
        panic!("a number is no text");
    };
    assert_eq!(
        arguments.to_string(),
        format!(
            "\"Shop.pay\" at {address}: the arguments could not be decoded: argument 1 (String): the \
             bytes end before the value does; {hint}"
        )
    );
    // One byte, a length of 0, is a number and an empty text.
    let result = shop.look(0).await.expect_err("a number is no text");
    let text = result.to_string();
    assert!(
        text.starts_with("the answer could not be decoded: \"Shop.look\" returns String here: ")
            && text.ends_with(hint),
        "{text}"
    );
    assert!(result.source().is_none());
}

/// Whoever prints an error with its sources, as `anyhow` does, reads each reason once.
#[tokio::test]
async fn no_error_repeats_its_source() {
    let lost = ConnectionError::from(PacketError::Magic(b'*'));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let refused = chirp::connect(nobody.to_string())
        .await
        .expect_err("nobody listens");
    assert!(refused.to_string().contains("refused"), "{refused}");
    let reset = Arc::new(io::Error::from(io::ErrorKind::ConnectionReset));
    let errors: Vec<Box<dyn std::error::Error>> = vec![
        CallError::ConnectionLost(lost.clone()).into(),
        MethodError::<String>::Call(CallError::ConnectionLost(lost.clone())).into(),
        StreamError::ConnectionLost(lost.clone()).into(),
        StreamError::from(CallError::ConnectionLost(lost.clone())).into(),
        ConnectionError::Channel(Arc::clone(&reset)).into(),
        lost.into(),
        refused.into(),
        AcceptError::Handshake {
            remote: None,
            error: Arc::clone(&reset),
        }
        .into(),
        AcceptError::Accept {
            endpoint: "tcp://127.0.0.1:9".parse().expect("an address"),
            error: reset,
        }
        .into(),
    ];
    for error in errors {
        let mut whole = error.to_string();
        let mut inner = error.source();
        while let Some(source) = inner {
            let text = source.to_string();
            assert!(!whole.contains(&text), "{whole}: {text}");
            whole = text;
            inner = source.source();
        }
    }
}

/// Text between two packets, such as of a program that prints, is shown.
#[tokio::test]
async fn text_where_a_packet_should_begin_is_shown() {
    let (here, mut there) = tokio::io::duplex(1024);
    let peer = PeerBuilder::new()
        .start(chirp::Channel::io(here))
        .expect("no duplicates");
    // A whole packet of a type that nobody knows, and then a line.
    there
        .write_all(&[0xC7, 0, 0, 99, 0, 0, 0, 0])
        .await
        .expect("written");
    there
        .write_all(b"listening on 80\n")
        .await
        .expect("written");
    let reason = peer.closed().await.to_string();
    assert_eq!(
        reason,
        "protocol error: invalid protocol magic: expected c7, got 6c: this is not Chirp but \"listening on 80\" (does \
         another program listen there, or does something at the other end print to standard output?)"
    );
}
