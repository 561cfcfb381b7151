//! A greeting service and its client.

use chirp::Server;

#[chirp::service]
pub trait Greeter {
    async fn greet(&self, name: &str) -> String;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: &str) -> String {
        format!("Good day, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder()
        .service(GreeterServer::new(Polite))
        .bind("tcp://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());

    let peer = chirp::connect(&address).await?;
    println!("{}", GreeterClient::new(&peer).greet("Ann").await?);
    Ok(())
}
