use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chirp::channel::{
    Channel, KeyPolicy, Keypair, OtherAddress, Scheme, TlsCertificate, TlsClient, TlsError,
    TlsRoots,
};
use chirp::jsonrpc::JsonRpc;
use chirp::requests::HttpTarget;
use chirp::websocket::{WebSocket, WebSocketError};
use chirp::{ConnectError, Endpoint, Peer, PeerBuilder, PublicKey};
use clap::Args;

use crate::duration;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Options for connecting.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectOptions {
    /// Time limit for connecting
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    pub(crate) connect_timeout: Duration,
    /// tls, wss, https: certificate authorities that may sign the server's certificate (PEM); without this, those of the system
    #[arg(long, value_name = "FILE", conflicts_with = "peer_key")]
    ca: Option<PathBuf>,
    /// tls, wss, https: own certificate (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "key",
        conflicts_with = "peer_key"
    )]
    cert: Option<PathBuf>,
    /// tls, wss, https: own private key (PEM), of the certificate, or as a raw key with --peer-key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// tls, wss, https: raw public key that the server must have; can be repeated
    #[arg(long, value_name = "KEY")]
    peer_key: Vec<PublicKey>,
    /// tls, wss, https: name in the server's certificate, if it is not the host of the address
    #[arg(long, value_name = "NAME", conflicts_with = "peer_key")]
    server_name: Option<String>,
    /// ws, wss, http, https: file with the token that the server requires
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// The protocol and the transport of an address.
#[derive(Clone, Copy, Debug)]
struct Kind {
    is_json_rpc: bool,
    transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Plain,
    Tls,
    WebSocket { is_secure: bool },
    Http { is_secure: bool },
}

impl Kind {
    fn of(endpoint: &Endpoint) -> Self {
        let scheme = match endpoint {
            Endpoint::Tls { .. } => "tls",
            Endpoint::Other(other) => other.scheme(),
            _ => "",
        };
        let (is_json_rpc, transport) = match scheme.split_once('+') {
            Some(("jsonrpc" | "lsp" | "mcp" | "acp", transport)) => (true, transport),
            _ => (false, scheme),
        };
        let transport = match transport {
            "tls" => Transport::Tls,
            "ws" => Transport::WebSocket { is_secure: false },
            "wss" => Transport::WebSocket { is_secure: true },
            "http" | "http+unix" => Transport::Http { is_secure: false },
            "https" => Transport::Http { is_secure: true },
            _ => Transport::Plain,
        };
        Self {
            is_json_rpc,
            transport,
        }
    }

    fn is_encrypted(self) -> bool {
        matches!(
            self.transport,
            Transport::Tls
                | Transport::WebSocket { is_secure: true }
                | Transport::Http { is_secure: true }
        )
    }

    fn is_web_socket(self) -> bool {
        matches!(self.transport, Transport::WebSocket { .. })
    }

    fn is_http(self) -> bool {
        matches!(self.transport, Transport::Http { .. })
    }
}

impl ConnectOptions {
    /// Connects to an address.
    pub(crate) async fn connect(&self, address: &str) -> Result<Peer, Failure> {
        self.connect_with(PeerBuilder::new(), address).await
    }

    /// Connects to an address to ask for what the other side describes.
    pub(crate) async fn connect_described(&self, address: &str) -> Result<Peer, Failure> {
        check_described(address)?;
        self.connect(address).await
    }

    /// Connects to an address, with services or settings for the connection.
    pub(crate) async fn connect_with(
        &self,
        builder: PeerBuilder,
        address: &str,
    ) -> Result<Peer, Failure> {
        let endpoint = parse(address)?;
        let builder = self.configure(builder, &endpoint)?;
        builder
            .connect(&endpoint.to_string())
            .await
            .map_err(|error| match &error {
                // The gateway has answered, and refused.
                ConnectError::Io(io)
                    if Kind::of(&endpoint).is_http()
                        && io.kind() == io::ErrorKind::PermissionDenied =>
                {
                    Failure::new(ExitCode::NotAllowed, &error)
                }
                error => connect_failure(error),
            })
    }

    /// Connects to an address without a peer, as for another program.
    pub(crate) async fn connect_channel(&self, endpoint: &Endpoint) -> Result<Channel, Failure> {
        let failure = |error| connect_failure(&ConnectError::Io(error));
        let connecting = async {
            let kind = self.check(endpoint)?;
            match endpoint {
                Endpoint::Tls { host, port } => {
                    let tls = match self.tls()? {
                        Some(tls) => tls,
                        None => TlsClient::new(&TlsRoots::system().map_err(Failure::usage)?),
                    };
                    let below = Endpoint::Tcp {
                        host: host.clone(),
                        port: port.clone(),
                    };
                    let channel = below.connect().await.map_err(failure)?;
                    tls.wrap(channel, host).await.map_err(failure)
                }
                Endpoint::Other(address) => {
                    let scheme = self.scheme(kind, address)?;
                    scheme.connect(address).await.map_err(failure)
                }
                endpoint => endpoint.connect().await.map_err(failure),
            }
        };
        let limit = self.connect_timeout;
        let result = tokio::time::timeout(limit, connecting).await;
        result.unwrap_or_else(|_| {
            let message = format!("cannot connect to {endpoint} within {limit:?}");
            Err(Failure::new(ExitCode::TimedOut, message))
        })
    }

    /// Applies the options to a builder. TLS settings are read only if the address needs them.
    pub(crate) fn configure(
        &self,
        builder: PeerBuilder,
        endpoint: &Endpoint,
    ) -> Result<PeerBuilder, Failure> {
        let builder = builder.connect_timeout(self.connect_timeout);
        let kind = self.check(endpoint)?;
        Ok(match endpoint {
            Endpoint::Tls { .. } => match self.tls()? {
                Some(tls) => builder.tls(tls),
                None => builder,
            },
            Endpoint::Other(address) => match self.scheme(kind, address)? {
                // The program at the other end may call, and be told that there is nothing to call.
                scheme if kind.is_json_rpc => {
                    builder.schemes([(address.scheme(), scheme)]).reflect()
                }
                scheme => builder.schemes([(address.scheme(), scheme)]),
            },
            _ => builder,
        })
    }

    /// Checks that the address has a use for the options.
    fn check(&self, endpoint: &Endpoint) -> Result<Kind, Failure> {
        let kind = Kind::of(endpoint);
        if let (false, Some(option)) = (kind.is_encrypted(), self.first_tls_option()) {
            return Err(Failure::usage(format!(
                "{option} needs an address tls://host:port, wss://host/path or https://host/path, and this is {endpoint}"
            )));
        }
        if self.token_file.is_some() && !kind.is_web_socket() && !kind.is_http() {
            return Err(Failure::usage(format!(
                "--token-file needs an address of ws, wss, http or https, and this is {endpoint}"
            )));
        }
        Ok(kind)
    }

    /// Returns the scheme of an address that is not built in.
    fn scheme(&self, kind: Kind, address: &OtherAddress) -> Result<Arc<dyn Scheme>, Failure> {
        let token = match &self.token_file {
            Some(path) => {
                let token = fs::read_to_string(path)
                    .map_err(|error| Failure::file("read", path.display(), &error))?;
                Some(token.trim().to_owned())
            }
            None => None,
        };
        let tls = if kind.is_encrypted() {
            self.tls()?
        } else {
            None
        };
        if kind.is_http() {
            let mut target = HttpTarget::new().connect_timeout(self.connect_timeout);
            if let Some(token) = token {
                target = target.token(&token).map_err(Failure::usage)?;
            }
            if let Some(tls) = tls {
                target = target.tls(tls);
            }
            return Ok(Arc::new(target));
        }
        let mut settings = WebSocket::new();
        if let Some(token) = token {
            settings = settings.token(token);
        }
        if let Some(tls) = tls {
            settings = settings.client_tls(tls);
        }
        match find_scheme(address, settings) {
            Some(scheme) => Ok(scheme),
            None => Err(Failure::usage(format_args!(
                "unknown scheme `{}` of the address `{address}`: known are tcp, tls, unix, exec, stdio, fd, http, https, http+unix, ws and wss, and JSON-RPC \
                 over them, such as jsonrpc+tcp (`chirp --help` lists the forms)",
                address.scheme()
            ))),
        }
    }

    fn first_tls_option(&self) -> Option<&'static str> {
        [
            ("--ca", self.ca.is_some()),
            ("--cert", self.cert.is_some()),
            ("--key", self.key.is_some()),
            ("--peer-key", !self.peer_key.is_empty()),
            ("--server-name", self.server_name.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_set)| is_set.then_some(name))
    }

    /// Returns the TLS settings, or `None` for the default ones.
    fn tls(&self) -> Result<Option<TlsClient>, Failure> {
        if self.first_tls_option().is_none() {
            return Ok(None);
        }
        if !self.peer_key.is_empty() {
            let keys = match &self.key {
                Some(path) => Keypair::load(path),
                // Servers that admit everyone need no key that lasts.
                None => Keypair::generate(),
            };
            let keys = keys.map_err(Failure::usage)?;
            let accepted = self.peer_key.clone();
            let policy = KeyPolicy::by(move |key| accepted.contains(key));
            return Ok(Some(TlsClient::keys(&keys, policy)));
        }
        if let (Some(path), None) = (&self.key, &self.cert) {
            return Err(Failure::usage(format!(
                "--key {} needs --cert FILE, or --peer-key KEY if it is a raw key",
                path.display()
            )));
        }
        let roots = match &self.ca {
            Some(path) => TlsRoots::from_file(path),
            None => TlsRoots::system(),
        };
        let mut tls = TlsClient::new(&roots.map_err(Failure::usage)?);
        if let (Some(chain), Some(key)) = (&self.cert, &self.key) {
            let certificate = TlsCertificate::from_files(chain, key).map_err(Failure::usage)?;
            tls = tls.certificate(&certificate);
        }
        if let Some(name) = &self.server_name {
            tls = tls.server_name(name).map_err(Failure::usage)?;
        }
        Ok(Some(tls))
    }
}

/// Returns the scheme of an address that is not built in, with these settings, if this program knows it.
pub(crate) fn find_scheme(address: &OtherAddress, settings: WebSocket) -> Option<Arc<dyn Scheme>> {
    let kind = Kind::of(&Endpoint::Other(address.clone()));
    if kind.is_json_rpc {
        let mut schemes = JsonRpc::new().websocket(settings).schemes();
        let found = schemes.find(|(name, _)| name == address.scheme());
        return found.map(|(_, scheme)| scheme);
    }
    kind.is_web_socket()
        .then(|| Arc::new(settings) as Arc<dyn Scheme>)
}

/// Returns whether the other side of an address speaks JSON-RPC.
pub(crate) fn is_json_rpc(address: &str) -> bool {
    parse(address).is_ok_and(|endpoint| Kind::of(&endpoint).is_json_rpc)
}

/// Checks that the other side of an address may describe itself.
pub(crate) fn check_described(address: &str) -> Result<(), Failure> {
    if is_json_rpc(address) {
        return Err(Failure::usage(
            "programs that speak JSON-RPC do not describe themselves: `chirp call` and `chirp bench` work without it",
        ));
    }
    Ok(())
}

/// Returns whether connections to an address are encrypted.
pub(crate) fn is_encrypted(endpoint: &Endpoint) -> bool {
    Kind::of(endpoint).is_encrypted()
}

/// Returns whether an address is that of a WebSocket.
pub(crate) fn is_web_socket(endpoint: &Endpoint) -> bool {
    Kind::of(endpoint).is_web_socket()
}

/// Parses an address.
pub(crate) fn parse(address: &str) -> Result<Endpoint, Failure> {
    address.parse().map_err(Failure::usage)
}

fn connect_failure(error: &ConnectError) -> Failure {
    let code = match error {
        ConnectError::Duplicate(_) | ConnectError::Endpoint(_) => ExitCode::Usage,
        ConnectError::Timeout { .. } => ExitCode::TimedOut,
        ConnectError::Io(error) if WebSocketError::of(error).is_some() => {
            match WebSocketError::of(error) {
                Some(WebSocketError::Rejected {
                    status: 401 | 403, ..
                }) => ExitCode::NotAllowed,
                Some(WebSocketError::InvalidAddress(_)) => ExitCode::Usage,
                _ => ExitCode::NoConnection,
            }
        }
        ConnectError::Io(error)
            if error.kind() == io::ErrorKind::InvalidInput && TlsError::of(error).is_none() =>
        {
            ExitCode::Usage
        }
        ConnectError::Io(error) => match TlsError::of(error) {
            // The other side has seen no identity, or has none: it need not speak TLS.
            None | Some(TlsError::NotTls | TlsError::Ended | TlsError::TooOld) => {
                ExitCode::NoConnection
            }
            Some(TlsError::NoName(_)) => ExitCode::Usage,
            Some(_) => ExitCode::NotAllowed,
        },
        _ => ExitCode::NoConnection,
    };
    Failure::new(code, error)
}
