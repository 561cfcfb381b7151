//! A server that calls the programs that connected to it.
//!
//! Agents often sit behind firewalls, so they open the connection; the server then calls them. Either end of a
//! connection can call the other.

use std::error::Error;

use chirp::{Peer, PeerBuilder, Server};

/// The service of an agent.
#[chirp::service]
trait Agent {
    async fn run(&self, job: &str) -> String;
}

/// The service of the server.
#[chirp::service]
trait Hub {
    async fn report(&self, done: u32);
}

struct Worker(&'static str);

impl Agent for Worker {
    async fn run(&self, job: &str) -> String {
        format!("{} did {job}", self.0)
    }
}

/// Created for each connection, so that it knows whose reports it receives.
struct Reports {
    from: String,
}

impl Reports {
    fn new(peer: &Peer) -> Self {
        Self {
            from: peer
                .remote()
                .map_or_else(|| "unknown".to_owned(), ToString::to_string),
        }
    }
}

impl Hub for Reports {
    async fn report(&self, done: u32) {
        println!("{} has done {done} jobs", self.from);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder()
        .service_with(|peer| HubServer::new(Reports::new(peer)))
        .bind("tcp://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    let mut connections = server.incoming();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(server.run_until(stopped));

    let mut agents = Vec::new();
    for name in ["ann", "bob"] {
        let agent = PeerBuilder::new().service(AgentServer::new(Worker(name)));
        agents.push(agent.connect(&address).await?);
    }

    for _ in &agents {
        let connection = connections.recv().await.ok_or("the server has ended")?;
        let answer = AgentClient::new(&connection.peer).run("the dishes").await?;
        println!("{answer}");
        assert!(answer.ends_with("did the dishes"));
    }
    for agent in &agents {
        HubClient::new(agent).report(1).await?;
    }

    // Shuts down gracefully: waits for running handlers, and then closes the connections.
    drop(stop);
    server.await?;
    for agent in agents {
        println!("an agent's connection ended: {}", agent.closed().await);
    }
    Ok(())
}
