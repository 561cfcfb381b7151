//! A greeting service and its client.

use futures::StreamExt;
use tarpc::client;
use tarpc::context::{self, Context};
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tokio_serde::formats::Bincode;

#[tarpc::service]
pub trait Greeter {
    async fn greet(name: String) -> String;
}

#[derive(Clone)]
struct Polite;

impl Greeter for Polite {
    async fn greet(self, _: Context, name: String) -> String {
        format!("Good day, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    let address = listener.local_addr();
    tokio::spawn(async move {
        while let Some(Ok(transport)) = listener.next().await {
            let requests = BaseChannel::with_defaults(transport).execute(Polite.serve());
            tokio::spawn(requests.for_each(|response| async {
                tokio::spawn(response);
            }));
        }
    });

    let transport = tcp::connect(address, Bincode::default).await?;
    let client = GreeterClient::new(client::Config::default(), transport).spawn();
    println!(
        "{}",
        client.greet(context::current(), "Ann".to_owned()).await?
    );
    Ok(())
}
