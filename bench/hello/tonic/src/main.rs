//! A greeting service and its client.

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

mod glue {
    include!(concat!(env!("OUT_DIR"), "/hello.Greeter.rs"));
}

use glue::greeter_client::GreeterClient;
use glue::greeter_server::{Greeter, GreeterServer};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Name {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Greeting {
    #[prost(string, tag = "1")]
    greeting: String,
}

struct Polite;

#[tonic::async_trait]
impl Greeter for Polite {
    async fn greet(&self, request: Request<Name>) -> Result<Response<Greeting>, Status> {
        let greeting = format!("Good day, {}!", request.into_inner().name);
        Ok(Response::new(Greeting { greeting }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::builder().add_service(GreeterServer::new(Polite));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let mut client = GreeterClient::connect(format!("http://{address}")).await?;
    let name = "Ann".to_owned();
    println!(
        "{}",
        client.greet(Name { name }).await?.into_inner().greeting
    );
    Ok(())
}
