//! Two daemons that identify each other by raw public keys, and a stranger that is rejected.
//!
//! Each daemon has a key pair in a file that only its owner can read. The public key, as text, goes into the
//! configuration of the other daemon. There are no certificates, and no secret leaves its file.
//!
//! ```console
//! cargo run --features tls --example keys
//! ```

use std::error::Error;
use std::path::Path;

use chirp::channel::{Keypair, TlsClient, TlsServer};
use chirp::{AccessPolicy, CallContext, CallError, PeerBuilder, PublicKey, Server};

/// The service of one daemon.
#[chirp::service]
trait Store {
    async fn names(&self) -> Vec<String>;
    async fn put(&self, cx: &CallContext, name: &str) -> String;
    async fn wipe(&self);
}

struct Shelf;

impl Store for Shelf {
    async fn names(&self) -> Vec<String> {
        vec!["anchor".to_owned(), "rope".to_owned()]
    }

    async fn put(&self, cx: &CallContext, name: &str) -> String {
        // The identity comes from the handshake: a caller cannot claim another one.
        format!("{name}, from {}", cx.identity())
    }

    async fn wipe(&self) {}
}

/// The serving daemon. `friend` is the only key that it admits, and may call two methods.
async fn serve(keys: Keypair, friend: PublicKey) -> Result<String, Box<dyn Error>> {
    let access = AccessPolicy::new().allow([StoreMethods::NAMES, StoreMethods::PUT], move |who| {
        who.is_key(&friend)
    });
    let server = Server::builder()
        .service(StoreServer::new(Shelf))
        .access(access)
        .tls(TlsServer::keys(&keys, friend))
        .on_accept_error(|error| println!("store: {error}"))
        .bind("tls://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    Ok(address)
}

/// The connecting daemon. `store` is the key that it expects of the server.
async fn visit(keys: Keypair, address: &str, store: PublicKey) -> Result<(), Box<dyn Error>> {
    let builder = PeerBuilder::new().tls(TlsClient::keys(&keys, store));
    let peer = builder.connect(address).await?;
    assert!(peer.identity().is_key(&store));
    let client = StoreClient::new(&peer);
    println!("agent: there are {}", client.names().await?.join(", "));
    let put = client.put("compass").await?;
    assert!(put.ends_with(&keys.public().to_string()));
    println!("agent: put {put}");
    // The client is admitted, but may not call every method.
    let refused: CallError = client.wipe().await.expect_err("not allowed by the policy");
    println!("agent: wipe: {refused}");
    Ok(())
}

/// Loads the key of a daemon, or generates it at the first start.
fn key_of(daemon: &str, dir: &Path) -> std::io::Result<Keypair> {
    let keys = Keypair::load_or_generate(dir.join(daemon).with_extension("pem"))?;
    println!("{daemon}: public key {}", keys.public());
    Ok(keys)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("chirp-keys-example-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let (store, agent) = (key_of("store", &dir)?, key_of("agent", &dir)?);
    let (store_name, agent_name) = (store.public(), agent.public());

    let address = serve(store, agent_name).await?;
    visit(agent, &address, store_name).await?;

    // A stranger knows the address and the key of the store, and gets neither a connection nor method names.
    let stranger = key_of("stranger", &dir)?;
    let rejected = visit(stranger, &address, store_name).await;
    let error = rejected.expect_err("the stranger is not admitted");
    println!("stranger: {error}");
    assert!(error.to_string().contains("does not admit this side's key"));

    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
