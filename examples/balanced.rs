//! A client over three servers, one of which is stopped under load.
//!
//! The servers are in this process. Each call goes to the server with the fewest calls in progress. The second server is
//! stopped without notice, and starts again later: idempotent calls do not notice, and another call fails only if it was
//! running there at that moment.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use chirp::{BalancedPeer, CallError, Server};
use tokio::task::{JoinHandle, JoinSet};

#[chirp::service]
trait Shop {
    /// Returns the name of the server, and the price.
    #[chirp(idempotent)]
    async fn price(&self, item: u64) -> (String, u64);
    /// Returns the name of the server.
    async fn order(&self, item: u64) -> String;
}

struct Branch(&'static str);

impl Shop for Branch {
    async fn price(&self, item: u64) -> (String, u64) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        (self.0.to_owned(), 2 * item)
    }

    async fn order(&self, _item: u64) -> String {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.0.to_owned()
    }
}

const NAMES: [&str; 3] = ["north", "south", "west"];

/// Starts a server. Aborting its task ends all its connections at once, as the end of its process would.
async fn serve(name: &'static str) -> Result<JoinHandle<()>, Box<dyn Error>> {
    let server = Server::builder().service(ShopServer::new(Branch(name)));
    let server = server.bind(format!("inproc://{name}")).await?;
    Ok(tokio::spawn(server.run()))
}

/// Waits until this many servers are connected.
async fn connected(shops: &BalancedPeer, count: usize) -> Result<(), Box<dyn Error>> {
    let mut states = shops.watch();
    states.wait_for(|state| state.connected() == count).await?;
    for address in shops.state().addresses() {
        println!("    {}: {}", address.address(), address.state());
    }
    Ok(())
}

/// The number of answers of each server, and the errors.
type Counts = BTreeMap<String, usize>;

/// 16 callers make 50 calls of each method.
async fn load(shops: &BalancedPeer) -> (Counts, Vec<CallError>) {
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let shop = ShopClient::new(shops);
        callers.spawn(async move {
            let (mut names, mut errors) = (Vec::new(), Vec::new());
            for number in 0..50 {
                let item = 100 * caller + number;
                // Idempotent: sent again when its connection is lost.
                let (name, price) = shop.price(item).await.expect("answered by another server");
                assert_eq!(price, 2 * item);
                names.push(name);
                match shop.order(item).await {
                    Ok(name) => names.push(name),
                    Err(error) => errors.push(error),
                }
            }
            (names, errors)
        });
    }
    let (mut counts, mut errors) = (Counts::new(), Vec::new());
    for (names, failed) in callers.join_all().await {
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
        errors.extend(failed);
    }
    (counts, errors)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut servers = Vec::new();
    for name in NAMES {
        servers.push(serve(name).await?);
    }
    let shops = chirp::connect_any(NAMES.map(|name| format!("inproc://{name}")))?;
    println!("three servers:");
    connected(&shops, 3).await?;
    let (counts, errors) = load(&shops).await;
    println!("1,600 calls: {counts:?}");
    assert!(errors.is_empty() && counts.len() == 3);

    println!("south is stopped while calls run:");
    let stop = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        servers[1].abort();
    };
    let ((counts, errors), ()) = tokio::join!(load(&shops), stop);
    connected(&shops, 2).await?;
    println!("1,600 calls: {counts:?}, and {} lost orders", errors.len());
    for error in &errors {
        // These were running at south: nobody knows whether the order was taken.
        assert!(matches!(error, CallError::ConnectionLost(_)) && error.may_have_run());
    }

    println!("south returns:");
    servers[1] = serve("south").await?;
    connected(&shops, 3).await?;
    let (counts, errors) = load(&shops).await;
    println!("1,600 calls: {counts:?}");
    assert!(errors.is_empty() && counts.len() == 3);

    shops.shutdown(Duration::from_secs(5)).await;
    println!("done");
    Ok(())
}
