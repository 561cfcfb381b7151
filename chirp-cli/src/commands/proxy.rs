use std::net::IpAddr;

use chirp::{AsCaller, Endpoint, PeerBuilder, Server};
use clap::Args;

use crate::connection::{self, ConnectOptions};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt;
use crate::output;

/// Offer the methods of a target on another address
///
/// Calls are passed on with their streams, deadlines and metadata, and errors come back as they are. The target sees the proxy as its
/// caller, so everybody who reaches LISTEN may do what the proxy may. A target that is lost is connected again. Ctrl-C ends the
/// proxy when calls in progress are answered.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  chirp proxy unix:///run/arith.sock http://10.0.0.2:8080
  chirp proxy tcp://127.0.0.1:9000 unix:///run/arith.sock")]
pub(crate) struct Proxy {
    /// The address to listen on
    listen: String,
    /// The target
    target: String,
    /// Listen on an address that other machines can reach, and let everybody call
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Proxy {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        if ["http://", "https://", "http+unix://"]
            .iter()
            .any(|scheme| self.listen.starts_with(scheme))
        {
            return Err(Failure::usage(format!(
                "a proxy does not listen on {}: to offer the target over HTTP, use `chirp gateway`",
                self.listen
            )));
        }
        let listen = connection::parse(&self.listen)?;
        if !self.open && is_reachable(&listen) {
            return Err(Failure::usage(format!(
                "{listen} can be reached from other machines, and everybody could call: say so with --open"
            )));
        }
        let target = connection::parse(&self.target)?;
        let builder = self.connect.configure(PeerBuilder::new(), &target)?;
        let target = builder.reconnecting(target).map_err(Failure::usage)?;
        let server = Server::builder()
            .fallback(target.as_caller())
            .bind(&self.listen)
            .await
            .map_err(|error| Failure::new(ExitCode::NoConnection, error))?;
        output::line(&format!("listening on {}", server.endpoint()))?;
        server.run_until(interrupt::ended()).await;
        Ok(ExitCode::Success)
    }
}

/// Returns `true` for an address that other machines may reach.
fn is_reachable(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp { host, .. } | Endpoint::Tls { host, .. } => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let address = host.parse::<IpAddr>();
            !address.map_or(host.eq_ignore_ascii_case("localhost"), |address| {
                address.to_canonical().is_loopback()
            })
        }
        Endpoint::Other(_) => true,
        _ => false,
    }
}
