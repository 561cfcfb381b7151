//! Two daemons that know each other by their keys, and a stranger who is turned away.
//!
//! Each has a key pair in a file that it alone can read. The public half, as text, is its name, and goes into the
//! other's configuration. Nobody has a certificate, and nothing that is secret leaves its file.
//!
//! ```console
//! cargo run --features tls --example keys
//! ```

use std::error::Error;
use std::path::Path;

use chirp::channel::{Keypair, TlsClient, TlsServer};
use chirp::{AccessPolicy, CallContext, CallError, PeerBuilder, PublicKey, Server};

/// What one daemon asks of the other.
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
        // Who it is comes from the handshake. A caller cannot say that it is somebody else.
        format!("{name}, from {}", cx.identity())
    }

    async fn wipe(&self) {}
}

/// The daemon that serves: it is told whom to admit, and what that one may do.
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

/// The daemon that connects: it is told where the other is, and by which key to know it.
async fn visit(keys: Keypair, address: &str, store: PublicKey) -> Result<(), Box<dyn Error>> {
    let builder = PeerBuilder::new().tls(TlsClient::keys(&keys, store));
    let peer = builder.connect(address).await?;
    assert!(peer.identity().is_key(&store));
    let client = StoreClient::new(&peer);
    println!("agent: there are {}", client.names().await?.join(", "));
    let put = client.put("compass").await?;
    assert!(put.ends_with(&keys.public().to_string()));
    println!("agent: put {put}");
    // It is admitted, and may not do everything.
    let refused: CallError = client.wipe().await.expect_err("nobody has allowed that");
    println!("agent: wipe: {refused}");
    Ok(())
}

/// A key in a file, which is made when the daemon starts for the first time.
fn key_of(daemon: &str, dir: &Path) -> std::io::Result<Keypair> {
    let keys = Keypair::load_or_generate(dir.join(daemon).with_extension("pem"))?;
    println!("{daemon}: my name is {}", keys.public());
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

    // A stranger knows the address and the store's name, and gets nothing: no connection, no names of methods.
    let stranger = key_of("stranger", &dir)?;
    let turned_away = visit(stranger, &address, store_name).await;
    let error = turned_away.expect_err("nobody has admitted the stranger");
    println!("stranger: {error}");
    assert!(error.to_string().contains("does not admit this side's key"));

    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
