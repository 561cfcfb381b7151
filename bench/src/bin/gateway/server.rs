use std::io::{BufRead, BufReader, Read as _};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Json, Query};
use axum::routing::{get, post};
use chirp::Server;
use chirp::http::Gateway;
use futures::StreamExt as _;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::Failure;
use crate::service::{ArithClient, ArithServer, Calculator, SumDiff, bytes_of};

/// The number of clock ticks per second of processor time (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A program that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// Handlers by hand in axum.
    Axum,
    /// A gateway with an address of its own, to a service in its process.
    Gateway,
    /// The same in a program of axum.
    Nested,
    /// A handler by hand in axum that calls a client, whose server is in another process behind a Unix socket.
    AxumPeer,
    /// A gateway to that server.
    GatewayPeer,
    /// The server behind the Unix socket.
    Peer,
}

const NAMES: [(&str, ServerKind); 6] = [
    ("axum", ServerKind::Axum),
    ("gateway", ServerKind::Gateway),
    ("nested", ServerKind::Nested),
    ("axum-peer", ServerKind::AxumPeer),
    ("gateway-peer", ServerKind::GatewayPeer),
    ("peer", ServerKind::Peer),
];

impl FromStr for ServerKind {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        Ok(found.ok_or_else(|| format!("no server {name}"))?.1)
    }
}

impl ServerKind {
    pub(crate) fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(name, _)| name)
    }

    /// Returns the path of a method.
    pub(crate) fn path(self, method: &str) -> String {
        match self {
            Self::Axum | Self::AxumPeer => format!("/{method}"),
            Self::Nested => format!("/api/call/Arith.{method}"),
            _ => format!("/call/Arith.{method}"),
        }
    }
}

/// A server in a process of its own, which ends with this value.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: String,
}

impl ServerProcess {
    pub(crate) fn start(kind: ServerKind) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", kind.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        let address = address.trim().to_owned();
        Ok(Self { child, address })
    }

    /// Returns the processor time so far, in seconds.
    pub(crate) fn processor_time(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program, in parentheses, may hold spaces. User and system time are 11 and 12 words after it.
        let (_, rest) = stat.rsplit_once(')').ok_or("the system does not say")?;
        let ticks: Vec<f64> = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    /// Returns the largest resident memory so far, in KiB.
    pub(crate) fn peak_memory(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("the system does not say")?.parse()?)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Its own children end with it.
        let _ = self.child.wait();
    }
}

/// Runs a server until its process is killed, after a line with its address.
pub(crate) fn serve(kind: ServerKind) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (address, serving) = kind.bind().await?;
        println!("{address}");
        // The process that has started this one holds the other end of its input, and ends it so.
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
        tokio::select! {
            () = serving => {}
            _ = ended => {}
        }
        Ok(())
    })
}

/// The future that serves.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl ServerKind {
    /// Listens, and returns the address and the future that serves.
    pub(crate) async fn bind(self) -> Result<(String, Serving), Failure> {
        match self {
            Self::Axum => bind_axum(by_hand()).await,
            Self::Gateway => bind_gateway(gateway()).await,
            Self::Nested => {
                let service = gateway().into_service()?;
                bind_axum(axum::Router::new().nest_service("/api", service)).await
            }
            Self::Peer => {
                let path = format!("chirp-gateway-{}", std::process::id());
                let path = std::env::temp_dir().join(path);
                let address = format!("unix://{}", path.display());
                let server = Server::builder().reflect();
                let server = server.service(ArithServer::new(Calculator));
                let server = server.bind(&address).await?;
                Ok((address, Box::pin(server.run())))
            }
            Self::AxumPeer => {
                let peer = Arc::new(ServerProcess::start(Self::Peer)?);
                let client = ArithClient::new(&chirp::connect(&peer.address).await?);
                let call = move |Json(Arguments { a, b }): Json<Arguments>| {
                    let (call, _) = (client.sum_diff(a, b), &peer);
                    async move { call.await.map(Json).map_err(|error| error.to_string()) }
                };
                bind_axum(axum::Router::new().route("/sum_diff", post(call))).await
            }
            Self::GatewayPeer => {
                let peer = ServerProcess::start(Self::Peer)?;
                let target = chirp::connect(&peer.address).await?;
                let (address, serving) = bind_gateway(Gateway::new().target(&target)).await?;
                let serving = async move {
                    serving.await;
                    drop(peer);
                };
                Ok((address, Box::pin(serving)))
            }
        }
    }
}

fn gateway() -> Gateway {
    Gateway::new()
        .service(ArithServer::new(Calculator))
        .allow_get()
}

async fn bind_gateway(gateway: Gateway) -> Result<(String, Serving), Failure> {
    let server = gateway.bind("tcp://127.0.0.1:0").await?;
    let address = server.endpoint().to_string();
    let address = address.trim_start_matches("tcp://").to_owned();
    Ok((address, Box::pin(server.run())))
}

async fn bind_axum(router: axum::Router) -> Result<(String, Serving), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let serving = async move {
        // It goes on for ever.
        let _ = axum::serve(listener, router).await;
    };
    Ok((address, Box::pin(serving)))
}

#[derive(Deserialize)]
struct Arguments {
    a: i64,
    b: i64,
}

#[derive(Deserialize)]
struct Length {
    length: u64,
}

/// The methods of the service as handlers of axum.
fn by_hand() -> axum::Router {
    let sum_diff = async |Json(Arguments { a, b }): Json<Arguments>| Json(SumDiff::of(a, b));
    let read = async |Query(Length { length }): Query<Length>| {
        Body::from_stream(bytes_of(length).map(Ok::<_, std::convert::Infallible>))
    };
    let write = async |body: Body| {
        let mut body = body.into_data_stream();
        let mut length = 0;
        while let Some(Ok(piece)) = body.next().await {
            length += piece.len() as u64;
        }
        Json(length)
    };
    axum::Router::new()
        .route("/sum_diff", post(sum_diff))
        .route("/read", get(read))
        .route("/write", post(write))
}
