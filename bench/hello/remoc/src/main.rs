//! A greeting service and its client.

use std::sync::Arc;

use remoc::prelude::*;
use remoc::rtc::CallError;
use tokio::net::{TcpListener, TcpStream};

#[rtc::remote]
pub trait Greeter {
    async fn greet(&self, name: String) -> Result<String, CallError>;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: String) -> Result<String, CallError> {
        Ok(format!("Good day, {name}!"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (reader, writer) = stream.into_split();
            let (server, client) =
                GreeterServerShared::<_, remoc::codec::Default>::new(Arc::new(Polite));
            let connection = remoc::Connect::io(remoc::Cfg::default(), reader, writer);
            if connection.provide(client).await.is_ok() {
                tokio::spawn(server.serve());
            }
        }
    });

    let (reader, writer) = TcpStream::connect(address).await?.into_split();
    let client: GreeterClient = remoc::Connect::io(remoc::Cfg::default(), reader, writer)
        .consume()
        .await?;
    println!("{}", client.greet("Ann".to_owned()).await?);
    Ok(())
}
