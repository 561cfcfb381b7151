use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chirp::http::{BindError, Gateway as HttpGateway};
use chirp::{AcceptError, Endpoint, PeerBuilder, ReconnectingPeer};
use clap::Args;

use crate::connection::{self, ConnectOptions};
use crate::deferred_options::DeferredOptions;
use crate::duration;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt;
use crate::output;
use crate::stream_options::StreamOptions;

/// The interval between reports of connections that could not be accepted.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Offer the methods of targets over HTTP, with JSON
///
/// A method is called by POST /call/NAME with its arguments as JSON in the body. The page at / lists the methods and calls them, and
/// /openapi.json describes them for other programs. The targets see the gateway as their caller, so everybody who reaches LISTEN may do
/// what the gateway may. Targets that are lost are connected again. Ctrl-C ends the gateway when requests in progress are
/// answered.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  chirp gateway http://127.0.0.1:8080 unix:///run/arith.sock
  chirp gateway unix:///run/gateway.sock tcp://127.0.0.1:9000
  curl --json '{\"a\":100,\"b\":250}' http://127.0.0.1:8080/call/Arith.sum_diff")]
pub(crate) struct Gateway {
    /// The address to listen on, a URL of http or the address of a Unix socket
    listen: String,
    /// The targets; of methods of one name, that of the first target is offered
    #[arg(required = true)]
    target: Vec<String>,
    /// Listen on an address that other machines can reach, and let everybody call
    #[arg(long)]
    open: bool,
    /// Accept requests for this host name, besides addresses and localhost; can be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Let pages of this origin call, as a URL without a path; can be repeated
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Let idempotent methods be called with GET
    #[arg(long)]
    get: bool,
    /// Time limit of calls whose request sets none
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    /// Longest time of calls with streams
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    max_stream_time: Duration,
    /// Calls in progress at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1024)]
    max_calls: usize,
    /// Largest body that is read whole, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    max_body: usize,
    #[command(flatten)]
    connect: ConnectOptions,
    #[command(flatten)]
    deferred: DeferredOptions,
    #[command(flatten)]
    streams: StreamOptions,
}

impl Gateway {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let mut gateway = HttpGateway::new()
            .timeout(self.timeout)
            .max_stream_time(self.max_stream_time)
            .max_concurrent_calls(self.max_calls)
            .max_body(self.max_body);
        if self.open {
            gateway = gateway.open();
        }
        if self.get {
            gateway = gateway.allow_get();
        }
        gateway = self
            .host
            .iter()
            .fold(gateway, |gateway, name| gateway.allow_host(name));
        let origins = self.origin.iter();
        gateway = origins.fold(gateway, |gateway, origin| gateway.allow_origin(origin));
        if let Some(requests) = self.deferred.settings()? {
            gateway = gateway.requests(requests);
        }
        gateway = self.streams.configure(gateway)?;
        for target in &self.target {
            gateway = gateway.target(&self.target(target)?);
        }
        let reported = Mutex::new(None::<Instant>);
        gateway = gateway.on_accept_error(move |error| {
            // Anybody who can reach the port causes failed handshakes. Without descriptors, errors repeat until there are some.
            let mut reported = reported.lock().unwrap_or_else(PoisonError::into_inner);
            let is_recent = reported.is_some_and(|last| last.elapsed() < REPORT_INTERVAL);
            if matches!(error, AcceptError::Accept { .. }) && !is_recent {
                *reported = Some(Instant::now());
                output::print_error(&error.to_string());
            }
        });
        let server = gateway.bind(&self.listen).await.map_err(failure)?;
        output::line(&format!("listening on {}", shown(server.endpoint())))?;
        server.run_until(interrupt::ended()).await;
        Ok(ExitCode::Success)
    }

    /// Returns a target that is connected in the background, and again whenever the connection is lost.
    fn target(&self, address: &str) -> Result<ReconnectingPeer, Failure> {
        connection::check_described(address)?;
        let endpoint = connection::parse(address)?;
        let builder = self.connect.configure(PeerBuilder::new(), &endpoint)?;
        builder.reconnecting(endpoint).map_err(Failure::usage)
    }
}

fn shown(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp { host, port } => format!("http://{host}:{port}/"),
        endpoint => endpoint.to_string(),
    }
}

fn failure(error: BindError) -> Failure {
    match &error {
        BindError::Open(endpoint) => Failure::usage(format!(
            "{} can be reached from other machines, and everybody could call: say so with --open",
            shown(endpoint)
        )),
        BindError::Listen(..) => Failure::new(ExitCode::NoConnection, error),
        _ => Failure::usage(error),
    }
}
