use std::path::PathBuf;
use std::time::Duration;

use chirp::channel::{Channel, Endpoint, Incoming, Listener, TlsCertificate, TlsServer};
use chirp::packet::DESCRIBE_METHOD;
use chirp::record::Recorder;
use chirp::websocket::WebSocket;
use clap::Args;
use tokio::task::JoinSet;

use crate::connection::{self, ConnectOptions, find_scheme};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt;
use crate::output;

/// The maximum number of connections at a time.
const MAX_CONNECTIONS: usize = 1024;
/// The time limit of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The time limit for the target to describe itself.
const DESCRIBE: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted, as when descriptors are exhausted.
const PAUSE: Duration = Duration::from_millis(100);
/// The time limit for writing the end of the record.
const LAST_WRITE: Duration = Duration::from_secs(10);

/// Copy connections to a target, and record every packet in a file for Wireshark and `chirp show`
///
/// Clients connect to LISTEN instead of the target. The record contains everything that is said, so only its owner can
/// read it. It never delays a connection: packets that cannot be written in time are left out, and the gap is visible.
/// With TLS, the recorder is an end of the encryption on both sides: clients see its certificate, and the target sees
/// its identity instead of theirs. Ctrl-C ends the recording.
#[derive(Args, Debug)]
pub(crate) struct Record {
    /// The address to listen on
    listen: String,
    /// The target
    target: String,
    /// The file, in the format pcapng; its contents are replaced
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Do not ask the target for its description, by which `chirp show` decodes values
    #[arg(long)]
    no_describe: bool,
    /// tls, wss: certificate for clients that connect to LISTEN (PEM)
    #[arg(long, value_name = "FILE", requires = "listen_key")]
    listen_cert: Option<PathBuf>,
    /// tls, wss: private key of --listen-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "listen_cert")]
    listen_key: Option<PathBuf>,
    /// ws, wss: origin whose pages may connect to LISTEN, as scheme://host:port; can be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Record {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let target = connection::parse(&self.target)?;
        let (mut listener, tls) = self.listen().await?;
        let recorder = Recorder::create(&self.to)
            .map_err(|error| Failure::file("write", self.to.display(), &error))?;
        self.describe(&target, &recorder).await;
        output::line(&format!(
            "listening on {}",
            address(&*listener, tls.is_some())
        ))?;
        let mut connections = JoinSet::new();
        let mut has_failed = false;
        let mut watch = tokio::time::interval(Duration::from_secs(1));
        let mut ended = std::pin::pin!(interrupt::ended());
        loop {
            let has_room = connections.len() < MAX_CONNECTIONS;
            tokio::select! {
                () = &mut ended => break,
                Some(_) = connections.join_next() => {}
                _ = watch.tick(), if !has_failed => {
                    if let Some(error) = recorder.error() {
                        has_failed = true;
                        let shown = self.to.display();
                        output::print_error(&format!(
                            "cannot write {shown}: {error}; connections go on without a record"
                        ));
                    }
                }
                incoming = listener.incoming(), if has_room => match incoming {
                    Ok(Some(incoming)) => {
                        let relay = relay(
                            incoming,
                            tls.clone(),
                            target.clone(),
                            self.connect.clone(),
                            recorder.clone(),
                        );
                        connections.spawn(relay);
                    }
                    // All connections that there will be.
                    Ok(None) => {
                        while connections.join_next().await.is_some() {}
                        break;
                    }
                    Err(error) => {
                        output::print_error(&format!("cannot accept a connection: {error}"));
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
        drop(connections);
        self.finish(&recorder).await
    }

    async fn listen(&self) -> Result<(Box<dyn Listener>, Option<TlsServer>), Failure> {
        let endpoint = connection::parse(&self.listen)?;
        let tls = match (&self.listen_cert, &self.listen_key) {
            (Some(chain), Some(key)) => {
                let certificate = TlsCertificate::from_files(chain, key).map_err(Failure::usage)?;
                Some(TlsServer::new(&certificate))
            }
            _ => None,
        };
        let is_secure = connection::is_encrypted(&endpoint);
        if is_secure && tls.is_none() {
            let message =
                format!("listening on {endpoint} needs --listen-cert FILE and --listen-key FILE");
            return Err(Failure::usage(message));
        }
        if !is_secure && tls.is_some() {
            return Err(Failure::usage(format!(
                "--listen-cert needs an address tls://host:port or wss://host/path, and this is {endpoint}"
            )));
        }
        let is_web_socket = connection::is_web_socket(&endpoint);
        if let (false, Some(origin)) = (is_web_socket, self.allow_origin.first()) {
            return Err(Failure::usage(format!(
                "--allow-origin {origin} needs an address ws://host:port/path or wss://host/path, and this is {endpoint}"
            )));
        }
        let (listener, tls) = match (endpoint, tls) {
            (Endpoint::Tls { host, port }, tls) => {
                (Endpoint::Tcp { host, port }.listen().await, tls)
            }
            (endpoint, tls) => {
                let origins = self.allow_origin.iter();
                let mut settings = origins.fold(WebSocket::new(), WebSocket::allow_origin);
                if let Some(tls) = tls {
                    settings = settings.server_tls(tls);
                }
                let listener = match &endpoint {
                    Endpoint::Other(address) => match find_scheme(address, settings) {
                        Some(scheme) => scheme.listen(address).await,
                        None => endpoint.listen().await,
                    },
                    endpoint => endpoint.listen().await,
                };
                (listener, None)
            }
        };
        let listener = listener.map_err(|error| {
            // The error names the address.
            Failure::new(ExitCode::NoConnection, error)
        })?;
        Ok((listener, tls))
    }

    /// Records the description of the target, if it has one.
    async fn describe(&self, target: &Endpoint, recorder: &Recorder) {
        // A second child, or the only connection of standard input, is not for asking.
        let can_ask = !matches!(
            target,
            Endpoint::Exec { .. } | Endpoint::Stdio | Endpoint::Fd { .. }
        );
        if self.no_describe || !can_ask || connection::is_json_rpc(&self.target) {
            return;
        }
        let description = async {
            let peer = self.connect.connect(&self.target).await.ok()?;
            let call = peer.call(DESCRIBE_METHOD, ()).timeout(DESCRIBE);
            let description = call.await.ok();
            peer.close();
            description
        };
        match description.await {
            Some(description) => recorder.describe(&description),
            None => output::print_error(
                "note: the target has not described itself, so that `chirp show` cannot decode values",
            ),
        }
    }

    /// Writes the end of the record, and says what is in it.
    async fn finish(&self, recorder: &Recorder) -> Result<ExitCode, Failure> {
        let shown = self.to.display();
        let Ok(written) = tokio::time::timeout(LAST_WRITE, recorder.flush()).await else {
            let message = format!("the end of {shown} was not written within {LAST_WRITE:?}");
            return Err(Failure::new(ExitCode::Failed, message));
        };
        written.map_err(|error| {
            Failure::new(ExitCode::Failed, format!("cannot write {shown}: {error}"))
        })?;
        let stats = recorder.stats();
        output::print_error(&format!("{} packets in {shown}", stats.packets));
        if stats.lost_packets > 0 {
            let (packets, bytes) = (stats.lost_packets, stats.lost_bytes);
            return Err(Failure::new(
                ExitCode::Failed,
                format!(
                    "{packets} packets ({bytes} bytes) are missing in {shown}: writing was too slow"
                ),
            ));
        }
        Ok(ExitCode::Success)
    }
}

/// Returns the address that clients connect to.
fn address(listener: &dyn Listener, is_tls: bool) -> String {
    let address = listener.endpoint().to_string();
    match address.strip_prefix("tcp://") {
        Some(rest) if is_tls => format!("tls://{rest}"),
        _ => address,
    }
}

/// Connects a client with the target, and copies until both have ended.
async fn relay(
    incoming: Incoming,
    tls: Option<TlsServer>,
    target: Endpoint,
    connect: ConnectOptions,
    recorder: Recorder,
) {
    let client = match accepted(incoming, tls).await {
        Ok(client) => client,
        Err(message) => return output::print_error(&message),
    };
    match connect.connect_channel(&target).await {
        Ok(server) => {
            // Each side has seen the error as an end, and the record has it.
            let _ = recorder.relay(client, server).await;
        }
        // The client sees an end.
        Err(failure) => {
            failure.report();
        }
    }
}

async fn accepted(incoming: Incoming, tls: Option<TlsServer>) -> Result<Channel, String> {
    let handshake = async {
        let channel = incoming.finish().await?;
        match tls {
            Some(tls) => tls.wrap(channel).await,
            None => Ok(channel),
        }
    };
    match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(format!("a client was not accepted: {error}")),
        Err(_) => Err(format!(
            "a client has not completed its handshake in {HANDSHAKE:?}"
        )),
    }
}
