//! One trait on a NATS cluster of three: twelve workers, a typed client, a multicast, a stream, and a server that is killed
//! in the middle. Starts its own servers of NATS, and checks its own results.
//!
//! ```console
//! cargo run -p chirp-nats --example cluster
//! ```

use std::collections::HashSet;
use std::error::Error;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chirp::{CallError, PeerBuilder, Receiver, RetryPolicy, Server};
use chirp_nats::{Nats, NatsServer};

/// A worker.
#[chirp::service]
trait Worker {
    /// Returns the name of the worker.
    #[chirp(idempotent)]
    async fn name(&self) -> String;

    /// Returns whether a number is a prime.
    #[chirp(idempotent)]
    async fn is_prime(&self, number: u64) -> bool;

    /// Returns the primes below a limit. A stream needs a connection: `nats://primes`.
    async fn primes(&self, below: u64) -> Receiver<u64>;
}

struct Primes(String);

impl Worker for Primes {
    async fn name(&self) -> String {
        self.0.clone()
    }

    async fn is_prime(&self, number: u64) -> bool {
        is_prime(number)
    }

    async fn primes(&self, below: u64) -> Receiver<u64> {
        let (mut sender, receiver) = chirp::stream::channel();
        tokio::spawn(async move {
            for number in (0..below).filter(|number| is_prime(*number)) {
                // The caller has had enough.
                if sender.send(number).await.is_err() {
                    return;
                }
            }
            sender.finish();
        });
        receiver
    }
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(mut cluster) = Cluster::start()? else {
        println!(
            "This example starts the program `nats-server`, which is not installed. Install it with one of:"
        );
        println!(
            "  apt install nats-server | brew install nats-server | go install github.com/nats-io/nats-server/v2@latest"
        );
        return Ok(());
    };

    // Twelve workers, four at each server of NATS. In production each is a process of its own.
    let mut workers = Vec::new();
    for number in 0..12 {
        let nats = Nats::connect(cluster.addresses(number % 3)).await?;
        let primes = WorkerServer::new(Primes(format!("worker {number}")));
        workers.push(nats.server().service(primes).start().await?);
    }

    // A typed client. Calls that were not sent are sent again, and idempotent ones that may have run, too.
    let nats = Nats::connect(cluster.addresses(0)).await?;
    let worker = WorkerClient::new(&nats).with_retry(&RetryPolicy::new().attempts(100));
    assert!(worker.is_prime(1_000_003).await?);
    let mut names = HashSet::new();
    for _ in 0..200 {
        names.insert(worker.name().await?);
    }
    println!("200 calls were answered by {} workers", names.len());
    assert!(names.len() > 1, "calls are shared out");

    // A multicast: one message to all, and their answers.
    let all = nats
        .everyone()
        .gather(WorkerClient::unbound().name())
        .expect(12)
        .await?;
    println!(
        "{} workers answered a call to everyone; complete: {}",
        all.answers.len(),
        all.is_complete()
    );
    assert!(all.is_complete());

    // A stream, over a connection through the cluster.
    let files = Server::builder().scheme("nats", nats.scheme());
    let files = files.service(WorkerServer::new(Primes("primes".to_owned())));
    tokio::spawn(files.bind("nats://primes").await?.run());
    let other = Nats::connect(cluster.addresses(1)).await?;
    let peer = PeerBuilder::new()
        .scheme("nats", other.scheme())
        .connect("nats://primes")
        .await?;
    let mut primes = WorkerClient::new(&peer).primes(1_000).await?;
    let mut count = 0;
    while let Some(prime) = primes.recv().await {
        prime?;
        count += 1;
    }
    println!("{count} primes came as a stream");
    assert_eq!(count, 168);

    // A server of NATS is killed, and its clients go to the others.
    let (mut answered, mut failed) = (0, 0);
    for number in 0..3_000 {
        if number == 1_000 {
            cluster.kill(0);
            println!("the server of NATS that the client was connected to is killed");
        }
        match worker.is_prime(number).await {
            Ok(prime) => {
                assert_eq!(prime, is_prime(number));
                answered += 1;
            }
            Err(error @ (CallError::ConnectionLost(_) | CallError::DeadlineExceeded { .. })) => {
                println!("a call ended with a reason: {error}");
                failed += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!("{answered} calls were answered meanwhile, and {failed} ended with a reason");
    assert!(answered > 2_900);

    // Nothing is lost when a worker leaves.
    for worker in workers {
        NatsServer::close(worker).await?;
    }
    println!("every worker has closed");
    Ok(())
}

/// Three servers of NATS.
struct Cluster {
    servers: Vec<Child>,
    ports: [u16; 3],
}

impl Cluster {
    /// Starts the servers. `None` if the program is not installed.
    fn start() -> Result<Option<Self>, Box<dyn Error>> {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
        let (mut ports, mut routes) = ([0; 3], [0; 3]);
        for port in ports.iter_mut().chain(&mut routes) {
            *port = free()?.port();
        }
        let urls = routes.map(|port| format!("nats://127.0.0.1:{port}"));
        let mut cluster = Self {
            servers: Vec::new(),
            ports,
        };
        for (port, route) in ports.iter().zip(&urls) {
            let mut server = Command::new("nats-server");
            server.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
            server.args([
                "--cluster_name",
                "example",
                "--cluster",
                route,
                "--routes",
                &urls.join(","),
            ]);
            match server.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
                Ok(child) => cluster.servers.push(child),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        let until = Instant::now() + Duration::from_secs(20);
        for port in ports {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
                if Instant::now() > until {
                    return Err("nats-server does not start".into());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(Some(cluster))
    }

    /// The addresses of all servers, this one first.
    fn addresses(&self, first: usize) -> String {
        let order = (0..3).map(|at| self.ports[(first + at) % 3]);
        let addresses: Vec<_> = order
            .map(|port| format!("nats://127.0.0.1:{port}"))
            .collect();
        addresses.join(",")
    }

    fn kill(&mut self, server: usize) {
        let _ = self.servers[server].kill();
        let _ = self.servers[server].wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for server in 0..self.servers.len() {
            self.kill(server);
        }
    }
}
